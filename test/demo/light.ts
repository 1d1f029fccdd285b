/** The demo on the least that is real: API server, proxy, operator; a process in each node namespace answers in place of kube-proxy and pods. */
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { buildBinaries, buildSmallCaddy } from '../lab/build.ts'
import { type Lab, startLab } from '../lab/lab.ts'
import { toStderr } from '../lab/progress.ts'
import { startCaddy } from '../lab/proxy-caddy.ts'
import { prepareMachine } from '../lab/requirements.ts'
import { tailFile } from '../lab/tail.ts'
import { apiBinaries } from '../lab/versions.ts'
import { waitFor } from '../lab/wait.ts'
import { say, showCaddy, showCurl, showKubectl } from './show.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')

const SERVICE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', annotations: { 'fairway.dev/class': 'public', 'fairway.dev/proxy-protocol': 'v2' } },
  spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
}

/** The configuration of the operator: one class, one pool, one Caddy. */
export function demoConfig(adminUrl: string): object {
  return {
    cluster: 'demo',
    classes: [
      {
        name: 'public',
        pools: [{ name: 'main', addresses: ['203.0.113.10-203.0.113.20'] }],
        proxies: [{ name: 'edge-1', caddy: { url: adminUrl, insecure: true } }],
      },
    ],
  }
}

/** Runs the demo and returns the lab, which the caller stops. `own` gets the lab as soon as there is one, so that it is stopped whatever happens. */
export async function runLightDemo(own: (lab: Lab) => void, signal: AbortSignal): Promise<void> {
  await prepareMachine(['demo'], toStderr, signal)
  const [program] = await Promise.all([buildSmallCaddy(toStderr, signal), buildBinaries(apiBinaries, toStderr, signal)])
  const lab = await startLab({ mode: 'demo', progress: toStderr }, signal)
  own(lab)
  say(
    "A Kubernetes API server runs, with three nodes. In this demo a small process in each node's network namespace answers at\nthe node ports, in place of kube-proxy and pods (`npm run demo -- --cluster` has those too). The proxy stands outside.",
  )
  await showKubectl(
    lab,
    ['get', 'nodes', '-o', 'custom-columns=NAME:.metadata.name,INTERNAL-IP:.status.addresses[0].address'],
    signal,
  )
  const { adminUrl } = await startCaddy(lab, { program }, signal)
  await startOperator(lab, adminUrl, signal)
  say(
    'The operator runs. Now a Service of type LoadBalancer asks for the class "public", and for PROXY protocol v2,\nso that its pods learn the address of the client, 203.0.113.9:',
  )
  await apply(lab, SERVICE, signal)
  const address = await waitForAddress(lab, 'web', signal)
  await showKubectl(lab, ['get', 'svc', 'web'], signal)
  await showCurl(lab, 'client', `http://${address}/`, 9, signal)
  say('A node leaves the cluster, and the proxy follows:')
  await showCaddy(lab, adminUrl, signal)
  await showKubectl(lab, ['delete', 'node', 'n3'], signal)
  await waitFor(
    'the proxy to follow',
    async (limit) => !(await dials(lab, adminUrl, limit)).includes('10.1.0.3:'),
    { timeoutMs: 15_000, intervalMs: 50 },
    signal,
  )
  await showCaddy(lab, adminUrl, signal)
  await showCurl(lab, 'client', `http://${address}/`, 9, signal)
  say('Its story, as the Service tells it:')
  await showKubectl(
    lab,
    [
      'get',
      'events',
      '--field-selector',
      'involvedObject.name=web',
      '-o',
      'custom-columns=TYPE:.type,REASON:.reason,MESSAGE:.message',
    ],
    signal,
  )
}

async function startOperator(lab: Lab, adminUrl: string, signal: AbortSignal): Promise<void> {
  const config = join(lab.dir, 'fairway.yaml')
  writeFileSync(config, JSON.stringify(demoConfig(adminUrl), undefined, 2))
  const argv = [
    process.execPath,
    MAIN,
    'run',
    '--config',
    config,
    '--kubeconfig',
    lab.kubeconfig,
    '--health-port',
    '18080',
  ]
  const operator = lab.spawn('host', 'fairway', argv)
  const ready = async (limit: AbortSignal) => {
    if (operator.exitCode() !== undefined) return 'ended'
    return (await fetch('http://127.0.0.1:18080/readyz', { signal: limit })).ok ? 'ready' : undefined
  }
  const state = await waitFor('the operator to be ready', ready, { timeoutMs: 20_000 }, signal)
  if (state === 'ended') throw new Error(`the operator ended:\n${await tailFile(operator.logFile)}`)
}

/** Applies a manifest. */
export async function apply(lab: Lab, manifest: object, signal: AbortSignal): Promise<void> {
  const file = join(lab.dir, 'manifest.json')
  writeFileSync(file, JSON.stringify(manifest))
  await showKubectl(lab, ['apply', '-f', file], signal)
}

/** Waits until a Service has an address in its status. */
export async function waitForAddress(lab: Lab, service: string, signal: AbortSignal): Promise<string> {
  const read = async (limit: AbortSignal) =>
    (await lab.kubectl(['get', 'svc', service, '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}'], limit)).trim() ||
    undefined
  return waitFor(`an address for Service ${service}`, read, { timeoutMs: 30_000, intervalMs: 50 }, signal)
}

async function dials(lab: Lab, adminUrl: string, signal: AbortSignal): Promise<string> {
  return (await lab.inNamespace('edge', ['curl', '-sS', '-m', '5', `${adminUrl}/config/apps/layer4/servers`], signal))
    .stdout
}
