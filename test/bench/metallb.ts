/** MetalLB's controller beside ours, on the same API server: its own pool, its own flags, and no more around it than it needs to work. */
import { request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { buildMetallb } from '../lab/build.ts'
import { freePort } from '../lab/free-port.ts'
import type { LabProcess } from '../lab/lab.ts'
import { toStderr } from '../lab/progress.ts'
import type { MetallbModule } from '../lab/versions.ts'
import { waitFor } from '../lab/wait.ts'
import type { ApiWorld } from './api-world.ts'

const NAMESPACE = 'metallb-system'
/** Of the addresses that it gives. */
export const METALLB_POOL = { cidr: '10.101.0.0/16', isOwn: (ip: string) => ip.startsWith('10.101.') }
const STARTS_WITHIN_MS = 60_000

export interface Metallb {
  /** Starts the controller; it is not ready yet. */
  readonly start: () => Promise<MetallbProcess>
}

export interface MetallbProcess extends LabProcess {
  /** How many addresses of its pool are given; undefined: it has not read its pool yet. */
  readonly addressesInUse: (signal: AbortSignal) => Promise<number | undefined>
  /** Waits until it works. */
  readonly ready: (signal: AbortSignal) => Promise<void>
}

/** Builds a release, and creates what its manifest has around it: definitions, namespace, pool, and what it makes owners of its Secrets. */
export async function prepareMetallb(world: ApiWorld, module: MetallbModule, signal: AbortSignal): Promise<Metallb> {
  const folder = await buildMetallb(module, toStderr, signal)
  const { lab } = world
  await lab.kubectl(['apply', '--server-side', '--force-conflicts', '-f', join(folder, 'crds')], signal)
  await lab.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s'], signal)
  const manifest = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: surroundings() })
  await lab.kubectl(['apply', '-f', '-'], signal, { input: manifest })
  let count = 0
  const newest = module.version !== 'v0.15.2'
  return {
    start: async () => {
      const [metrics, health] = [await freePort('0.0.0.0'), await freePort('0.0.0.0')]
      // Without a network its webhooks could not be called, and would only cost it memory.
      const argv = [
        `--port=${metrics}`,
        '--log-level=info',
        '--webhook-mode=disabled',
        `--kubeconfig=${lab.kubeconfig}`,
      ]
      const more = newest ? [`--health-probe-port=${health}`] : []
      const env = {
        METALLB_NAMESPACE: NAMESPACE,
        METALLB_POD_NAME: 'controller',
        METALLB_ML_SECRET_NAME: 'memberlist',
        METALLB_DEPLOYMENT: 'controller',
      }
      const child = lab.spawn(
        'host',
        `metallb-${module.version}-${count++}`,
        [join(folder, 'controller'), ...argv, ...more],
        env,
      )
      const read = (limit: AbortSignal) =>
        newest ? readSecured(metrics, lab.controlPlane.access.token, limit) : readPlain(metrics, limit)
      const addressesInUse = async (limit: AbortSignal) => countIn(await read(limit), 'addresses_in_use_total')
      const hasPool = async (limit: AbortSignal) => (countIn(await read(limit), 'addresses_total') ?? 0) > 0
      const timing = { timeoutMs: STARTS_WITHIN_MS, intervalMs: 50, daemons: [child] }
      return {
        ...child,
        addressesInUse,
        ready: async (limit) => void (await waitFor('MetalLB to know its pool', hasPool, timing, limit)),
      }
    },
  }
}

function surroundings(): readonly object[] {
  const labels = { app: 'metallb', component: 'controller' }
  const metadata = { name: 'controller', namespace: NAMESPACE, labels }
  const containers = [{ name: 'controller', image: 'metallb' }]
  const spec = { serviceAccountName: 'controller', automountServiceAccountToken: false, containers }
  const template = { metadata: { labels }, spec }
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: 'v1', kind: 'Pod', metadata, spec },
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { selector: { matchLabels: labels }, template } },
    {
      apiVersion: 'metallb.io/v1beta1',
      kind: 'IPAddressPool',
      metadata: { name: 'main', namespace: NAMESPACE },
      spec: { addresses: [METALLB_POOL.cidr] },
    },
  ]
}

async function readPlain(port: number, signal: AbortSignal): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/metrics`, { signal })).text()
}

/** Its certificate is its own, and it asks the API server who may read. */
function readSecured(port: number, token: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const url = `https://127.0.0.1:${port}/metrics`
    const headers = { authorization: `Bearer ${token}` }
    const sent = request(url, { headers, rejectUnauthorized: false, signal }, (response) => {
      text(response).then(resolve, reject)
    })
    sent.on('error', reject).end()
  })
}

function countIn(metrics: string, name: string): number | undefined {
  const value = new RegExp(`^metallb_allocator_${name}\\{pool="main"\\} (\\S+)$`, 'm').exec(metrics)?.[1]
  return value === undefined ? undefined : Number(value)
}
