/** Changes without end: Services come and go and change, nodes flap, leave and join, endpoints move. The number of objects stays about the same. */
import type { BenchCluster } from '../bench/reaction-cluster.ts'
import { ApiError } from '../lab/api-client.ts'
import type { Lab } from '../lab/lab.ts'
import { delay, waitFor } from '../lab/wait.ts'

const SERVICES = '/api/v1/namespaces/default/services'
const NODES = '/api/v1/nodes'
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
/** Changes at a time, and the pause of each lane after one: some dozens a second, days of a busy cluster in an hour. */
const LANES = 4
const PAUSE_MS = 60
const SERVED_WITHIN_MS = 120_000
const TRANSIENT: readonly Kind[] = ['service comes and goes', 'node comes and goes', 'endpoints come and go']
const KINDS = [...TRANSIENT, 'service changes', 'service changes', 'node flaps', 'node is cordoned'] as const

type Kind =
  | 'service comes and goes'
  | 'node comes and goes'
  | 'endpoints come and go'
  | 'service changes'
  | 'node flaps'
  | 'node is cordoned'

export interface Churn {
  /** Creates a Service, waits until its status says that it is served, and deletes it; resolves to how long that took, in milliseconds. */
  probe(): Promise<number>
  /** Ends; resolves to how many changes of each kind there were. Rejects with what went wrong meanwhile. */
  end(): Promise<Readonly<Record<string, number>>>
}

export interface Size {
  readonly services: number
  readonly nodes: number
}

export function startChurn(cluster: BenchCluster, size: Size, signal: AbortSignal): Churn {
  const ending = new AbortController()
  const counts = new Map<Kind, number>()
  let serial = 0
  const lane = async () => {
    while (!ending.signal.aborted && !signal.aborted) {
      const number = serial++
      const kind = KINDS[number % KINDS.length] ?? 'node flaps'
      await change(cluster, kind, number, size, signal)
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
      await delay(PAUSE_MS, signal)
    }
  }
  const lanes = Promise.all(Array.from({ length: LANES }, lane))
  // Looked at when it ends.
  lanes.catch(() => undefined)
  let probes = 0
  return {
    probe: () => probeOnce(cluster.lab, `probe-${probes++}`, signal),
    end: async () => {
      ending.abort()
      await lanes
      return Object.fromEntries(counts)
    },
  }
}

async function change({ lab, setReady }: BenchCluster, kind: Kind, number: number, size: Size, signal: AbortSignal) {
  const send = (path: string, method: 'POST' | 'PATCH' | 'DELETE', body?: object) =>
    unlessGone(() => lab.api.request(path, { method, ...(body === undefined ? {} : { body }) }, signal))
  // Far apart, so that two lanes are seldom at the same object.
  const node = (number * 7_919) % size.nodes
  const service = (number * 104_729) % size.services
  switch (kind) {
    case 'service comes and goes':
      await send(SERVICES, 'POST', serviceCalled(`churn-${number}`))
      await delay(1_000, signal)
      return send(`${SERVICES}/churn-${number}`, 'DELETE')
    case 'node comes and goes': {
      const name = `churn-${number}`
      await send(NODES, 'POST', { metadata: { name } })
      const addresses = [{ type: 'InternalIP', address: `10.200.${(number >> 8) & 255}.${number & 255}` }]
      const status = { addresses, conditions: [{ type: 'Ready', status: 'True' }] }
      await send(`${NODES}/${name}/status`, 'PATCH', { status })
      await delay(1_000, signal)
      return send(`${NODES}/${name}`, 'DELETE')
    }
    case 'endpoints come and go':
      await send(SLICES, 'POST', sliceFor(`service-${service}`, `churn-${number}`, node))
      await delay(500, signal)
      return send(`${SLICES}/churn-${number}`, 'DELETE')
    case 'service changes': {
      const balance = number % 2 === 0 ? 'source' : 'round-robin'
      return send(`${SERVICES}/service-${service}`, 'PATCH', {
        metadata: { annotations: { 'fairway.dev/balance': balance } },
      })
    }
    case 'node flaps':
      await setReady(node, false, signal)
      await delay(500, signal)
      return setReady(node, true, signal)
    case 'node is cordoned':
      await send(`${NODES}/node-${node}`, 'PATCH', { spec: { unschedulable: true } })
      await delay(500, signal)
      return send(`${NODES}/node-${node}`, 'PATCH', { spec: { unschedulable: null } })
  }
  return kind satisfies never
}

/** Another lane was there first. */
async function unlessGone(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof ApiError && (error.status === 404 || error.status === 409))) throw error
  }
}

async function probeOnce(lab: Lab, name: string, signal: AbortSignal): Promise<number> {
  const startedAt = performance.now()
  await lab.api.request(SERVICES, { method: 'POST', body: serviceCalled(name) }, signal)
  const isServed = async () => {
    const { status } = (await lab.api.request(`${SERVICES}/${name}`, {}, signal)) as {
      readonly status: { readonly loadBalancer: { readonly ingress?: readonly unknown[] } }
    }
    return (status.loadBalancer.ingress ?? []).length > 0
  }
  await waitFor(`${name} to be served`, isServed, { timeoutMs: SERVED_WITHIN_MS, intervalMs: 50 }, signal)
  const tookMs = performance.now() - startedAt
  await lab.api.request(`${SERVICES}/${name}`, { method: 'DELETE' }, signal)
  return tookMs
}

function serviceCalled(name: string): object {
  return { metadata: { name }, spec: { type: 'LoadBalancer', selector: { app: name }, ports: [{ port: 9_000 }] } }
}

function sliceFor(service: string, name: string, node: number): object {
  const address = `10.250.${node >> 8}.${node & 255}`
  return {
    metadata: { name, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true }, nodeName: `node-${node}` }],
    ports: [{ name: 'https', port: 8443, protocol: 'TCP' }],
  }
}
