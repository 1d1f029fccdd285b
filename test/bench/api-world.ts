/** A real API server that many Services of type LoadBalancer fit into, with an audit log, and what is created there. Nothing runs on its nodes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Lab, startLab } from '../lab/lab.ts'
import { step, toStderr } from '../lab/progress.ts'
import { waitFor } from '../lab/wait.ts'
import { type Audit, createAudit, type Write } from './audit.ts'
import type { Named } from './bare.ts'
import { inLanes } from './reaction-cluster.ts'

/** Two of these for each Service, which are no default for thousands. */
const NODE_PORTS = '--service-node-port-range=10000-59999'
const IN_FLIGHT = 32
const LOOK_EVERY_MS = 50

export interface ApiWorld {
  readonly lab: Lab
  readonly audit: Audit
  /** For files of the benchmark. */
  readonly dir: string
  readonly close: () => Promise<void>
}

export async function startApiWorld(signal: AbortSignal): Promise<ApiWorld> {
  const dir = mkdtempSync(join(tmpdir(), 'fairway-bench-'))
  try {
    const audit = createAudit(dir)
    const lab = await startLab({ mode: 'api', apiServerArgs: [NODE_PORTS, ...audit.flags], progress: toStderr }, signal)
    const close = async () => {
      await lab.stop(AbortSignal.timeout(30_000))
      rmSync(dir, { recursive: true })
    }
    return { lab, audit, dir, close }
  } catch (error) {
    rmSync(dir, { recursive: true })
    throw error
  }
}

/** Creates a namespace, and Services of type LoadBalancer in it with two ports each. `loadBalancerClass`: who is to serve them, where not anybody may. */
export async function createServices(
  { lab }: ApiWorld,
  namespace: string,
  count: number,
  signal: AbortSignal,
  loadBalancerClass?: string,
): Promise<void> {
  await lab.api.request('/api/v1/namespaces', { method: 'POST', body: { metadata: { name: namespace } } }, signal)
  const create = async (number: number) => {
    const name = `service-${number}`
    const labels = { 'app.kubernetes.io/name': name }
    const ports = [
      { name: 'https', port: 443, targetPort: 'https' },
      { name: 'http', port: 80, targetPort: 'http' },
    ]
    const spec = { type: 'LoadBalancer', selector: labels, ports, loadBalancerClass }
    const body = { metadata: { name, labels }, spec }
    await lab.api.request(servicesPath(namespace), { method: 'POST', body }, signal)
  }
  const work = Array.from({ length: count }, (_, number) => () => create(number))
  await step(toStderr, `creating ${count} Services`, () => inLanes(work, IN_FLIGHT))
}

export async function createNodes({ lab }: ApiWorld, count: number, signal: AbortSignal): Promise<void> {
  const create = async (number: number) => {
    const name = `node-${number}`
    const address = `10.${16 + (number >> 8)}.${number & 255}.1`
    const metadata = { name, labels: { zone: `z${number % 3}` } }
    await lab.api.request('/api/v1/nodes', { method: 'POST', body: { metadata } }, signal)
    const status = { addresses: [{ type: 'InternalIP', address }], conditions: [{ type: 'Ready', status: 'True' }] }
    await lab.api.request(`/api/v1/nodes/${name}/status`, { method: 'PATCH', body: { status } }, signal)
  }
  const work = Array.from({ length: count }, (_, number) => () => create(number))
  await step(toStderr, `creating ${count} nodes`, () => inLanes(work, IN_FLIGHT))
}

export interface ServiceItem {
  readonly metadata: Named
  readonly status: { readonly loadBalancer: { readonly ingress?: readonly { readonly ip?: string }[] } }
}

export async function listServices({ lab }: ApiWorld, namespace: string, signal: AbortSignal) {
  const { items } = (await lab.api.request(servicesPath(namespace), {}, signal)) as { readonly items: ServiceItem[] }
  return items
}

/** Deletes all Services of a namespace, and waits until whoever holds them has let go. */
export async function deleteServices(world: ApiWorld, namespace: string, signal: AbortSignal): Promise<void> {
  const names = (await listServices(world, namespace, signal)).map(({ metadata }) => metadata.name)
  const remove = (name: string) =>
    world.lab.api.request(`${servicesPath(namespace)}/${name}`, { method: 'DELETE' }, signal)
  const gone = async (limit: AbortSignal) => (await listServices(world, namespace, limit)).length === 0
  await step(toStderr, 'deleting them', async () => {
    await inLanes(
      names.map((name) => () => remove(name)),
      IN_FLIGHT,
    )
    await waitFor('the Services to be gone', gone, { timeoutMs: 120_000, intervalMs: 500 }, signal)
  })
}

/** What is written to Services while they are given their addresses. */
export interface Burst {
  readonly writes: readonly Write[]
  /** Of the last write, epoch milliseconds. */
  readonly endedAt: number
}

/**
 * Waits until every Service of a namespace has an address that `isOwn`, and nothing more is written to them. The API server is not asked while writes
 * come: that would be a load of its own.
 */
export async function awaitAddresses(
  world: ApiWorld,
  namespace: string,
  since: number,
  isOwn: (ip: string) => boolean,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Burst> {
  let [size, calm] = [since, 0]
  const settled = async (limit: AbortSignal) => {
    const now = world.audit.size()
    calm = now === size && now > since ? calm + 1 : 0
    size = now
    // A second without a write is the end, or a pause: the Services themselves tell.
    if (calm * LOOK_EVERY_MS < 1_000) return false
    calm = 0
    const items = await listServices(world, namespace, limit)
    return items.every(({ status }) => (status.loadBalancer.ingress ?? []).some(({ ip = '' }) => isOwn(ip)))
  }
  await waitFor('every Service to have its address', settled, { timeoutMs, intervalMs: LOOK_EVERY_MS }, signal)
  const writes = world.audit.writesSince(since).filter((write) => write.namespace === namespace)
  const own = writes.filter(({ resource, code, verb }) => resource !== 'events' && code < 300 && verb !== 'create')
  return { writes: own, endedAt: Math.max(...own.map(({ answeredAt }) => answeredAt)) }
}

function servicesPath(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/services`
}
