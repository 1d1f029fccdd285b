/** A set-up that is well: a real API server, a real edge with HAProxy, nodes that answer, and an operator. Tests break it, read what is said, and mend it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EdgeHarness, startEdge } from '../../contract/edge-harness.ts'
import { type Lab, startLab } from '../../lab/lab.ts'
import { toStderr } from '../../lab/progress.ts'
import { waitFor } from '../../lab/wait.ts'
import type { Ran } from '../cli-rig.ts'
import { type OperatorProcess, startOperator } from '../operators.ts'
import { createCommand, failuresIn } from './complaints.ts'
import { type Machines, startMachines } from './machines.ts'

/** A piece of loopback that no other run on this machine has. */
const NET = `127.${192 + ((process.pid >> 8) % 32)}.${process.pid % 256}`
export const NODE_PORT = 30_080
export const CLUSTER = 'broken'

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

export interface Site {
  readonly lab: Lab
  readonly harness: EdgeHarness
  readonly machines: Machines
  readonly signal: AbortSignal
  readonly dir: string
  /** An address of loopback; those of pool `main` are 1 to 3, that of `tiny` is 9. */
  readonly address: (last: number) => string
  /** What names the cluster and the configuration for a command. */
  readonly here: readonly string[]
  /** The configuration that the operator has, as JSON. */
  readonly config: ClassesConfig
  readonly kubeconfig: string
  /** Writes a file for a command. */
  readonly file: (name: string, content: object | string) => string
  readonly run: (...argv: readonly string[]) => Promise<Ran>
  readonly fairway: (...argv: readonly string[]) => Promise<Ran>
  /** Waits until doctor finds nothing wrong. */
  readonly isWell: () => Promise<void>
  /** One request to the API server. */
  readonly api: <T>(path: string, method?: Method, body?: object) => Promise<T>
  readonly stop: () => Promise<void>
}

export interface ClassesConfig {
  readonly cluster: string
  readonly classes: readonly [ClassConfig, ...ClassConfig[]]
}

interface ClassConfig extends Readonly<Record<string, unknown>> {
  readonly name: string
  readonly proxies: readonly object[]
}

export async function startSite(signal: AbortSignal): Promise<Site> {
  const ends: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (const end of ends.splice(0).toReversed()) await end()
  }
  try {
    const dir = mkdtempSync(join(tmpdir(), 'fairway-setups-'))
    ends.push(async () => rmSync(dir, { recursive: true }))
    const lab = await startLab({ mode: 'api', progress: toStderr }, signal)
    ends.push(() => lab.stop(AbortSignal.timeout(30_000)))
    const machines = await startMachines(4, [NODE_PORT], signal)
    ends.push(() => machines.close())
    const harness = await startEdge({ address: `${NET}.100` })
    ends.push(() => harness.close())
    await harness.edge.configure({ addresses: ['127.0.0.0/8', machines.spare(0)] })
    await harness.edge.end('SIGTERM')
    await harness.edge.start()
    const site = createSite({ lab, machines, harness, dir, signal, stop })
    for (const node of [1, 2, 3, 4]) await createNode(site, `n${node}`, { address: machines.address(node) })
    const operator = await runOperator(site)
    ends.push(() => operator.end('SIGTERM'))
    await createWeb(site)
    await site.isWell()
    return site
  } catch (error) {
    await stop()
    throw error
  }
}

function createSite(parts: Pick<Site, 'lab' | 'machines' | 'harness' | 'dir' | 'signal' | 'stop'>): Site {
  const { lab, machines, dir, harness, signal } = parts
  const { kubeconfig } = lab
  const config = configuration(harness, machines)
  const file = (name: string, content: object | string) => {
    const path = join(dir, name)
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }
  const run = createCommand(join(dir, 'compiled'))
  const here = ['--config', file('fairway.yaml', config), '--kubeconfig', kubeconfig]
  const isWell = async () => {
    let last = ''
    const look = async () => {
      const { code, out } = await run('doctor', '--lease-namespace', 'default', ...here)
      last = out
      return code === 0
    }
    await waitFor('doctor to find nothing', look, { timeoutMs: 120_000, intervalMs: 300 }, signal).catch(
      (error: unknown) => {
        assert.fail(`${String(error)}\n${JSON.stringify(failuresIn(last), undefined, 1)}`)
      },
    )
  }
  const api = async <T>(path: string, method: Method = 'GET', body?: object) =>
    (await lab.api.request(path, body === undefined ? { method } : { method, body }, signal)) as T
  const fairway: Site['fairway'] = (...argv) => run(...argv, ...here)
  return { ...parts, address: loopback, here, config, kubeconfig, file, run, fairway, isWell, api }
}

function loopback(last: number): string {
  return `${NET}.${last}`
}

function pool(name: string, addresses: string): object {
  return { name, addresses: [addresses], autoAssign: name === 'main' || name === 'private' }
}

function configuration({ edge }: EdgeHarness, machines: Machines): ClassesConfig {
  const access = { url: edge.url, caFile: edge.caFile, tokenFile: edge.tokenFile(`${CLUSTER}/*`) }
  const proxies = [{ name: 'edge-1', edge: access }]
  // A node that stops answering is found soon.
  const defaults = { 'health-check-interval': '500ms', 'health-check-timeout': '400ms', 'health-check-fall': '1' }
  const main = {
    name: 'public',
    default: true,
    pools: [
      pool('main', `${NET}.1-${NET}.3`),
      pool('tiny', `${NET}.9`),
      pool('gone', machines.spare(0)),
      pool('foreign', machines.spare(1)),
    ],
    ports: { deny: [25] },
    namespaces: { quota: { crowded: 1 } },
    defaults,
    proxies,
  }
  const pools = [pool('private', `${NET}.11`)]
  return {
    cluster: CLUSTER,
    classes: [main, { name: 'private', pools, namespaces: { allow: ['default'] }, proxies }],
  }
}

export interface NodeWishes {
  readonly address?: string | undefined
  readonly ready?: string | undefined
  readonly labels?: object | undefined
}

export async function createNode({ api }: Pick<Site, 'api'>, name: string, wishes: NodeWishes): Promise<void> {
  const { address, ready = 'True', labels = {} } = wishes
  await api('/api/v1/nodes', 'POST', { metadata: { name, labels } })
  const addresses = address === undefined ? [] : [{ type: 'InternalIP', address }]
  const status = { addresses, conditions: [{ type: 'Ready', status: ready }] }
  await api(`/api/v1/nodes/${name}/status`, 'PATCH', { status })
}

async function createWeb({ api }: Site): Promise<void> {
  const spec = { type: 'LoadBalancer', ports: [{ port: 80, nodePort: NODE_PORT }] }
  await api('/api/v1/namespaces/default/services', 'POST', { metadata: { name: 'web' }, spec })
}

function runOperator({ dir, here, kubeconfig }: Site): Promise<OperatorProcess> {
  const [, config = ''] = here
  return startOperator({ name: 'operator', dir, config, kubeconfig, leaseNamespace: 'default' })
}
