/** The suite's own way to the API server: makes what the world has, and reads what became of it. */
import { ApiError } from '../lab/api-client.ts'
import type { Lab } from '../lab/lab.ts'
import { waitFor } from '../lab/wait.ts'
import type { Action, World, WorldNode, WorldService } from './world.ts'

const SERVICES = '/api/v1/namespaces/default/services'
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
const NODES = '/api/v1/nodes'
/** Longer than any fault holds and its healing takes. */
const ACKNOWLEDGED_WITHIN_MS = 90_000

export interface ServiceObject {
  readonly metadata: {
    readonly name: string
    readonly annotations?: Readonly<Record<string, string>>
    readonly deletionTimestamp?: string
  }
  readonly spec: {
    readonly type: string
    readonly externalTrafficPolicy?: string
    readonly healthCheckNodePort?: number
    readonly ports?: readonly { readonly port: number; readonly nodePort?: number }[]
  }
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message: string }[]
    readonly loadBalancer: {
      readonly ingress?: readonly { readonly ip: string; readonly ports?: readonly unknown[] }[]
    }
  }
}

export async function readServices(lab: Lab, signal: AbortSignal): Promise<readonly ServiceObject[]> {
  const list = (await lab.api.request(SERVICES, {}, signal)) as { readonly items: readonly ServiceObject[] }
  return list.items.filter(({ metadata }) => metadata.name !== 'kubernetes')
}

export async function createWorld(lab: Lab, world: World, signal: AbortSignal): Promise<void> {
  for (const node of world.nodes) await perform(lab, { kind: 'add-node', node }, signal)
  for (const service of world.services) await perform(lab, { kind: 'create', service }, signal)
}

/** In a new object null would be an empty annotation. */
function present(annotations: Readonly<Record<string, string | null>>) {
  return Object.fromEntries(Object.entries(annotations).filter(([, value]) => value !== null))
}

/** Does what an action says, however often it takes until the API server has acknowledged it. A pool is no matter of the cluster. */
export async function perform(lab: Lab, action: Action, signal: AbortSignal): Promise<void> {
  switch (action.kind) {
    case 'create': {
      const body = serviceBody(action.service)
      const metadata = { name: action.service.name, annotations: present(body.metadata.annotations) }
      await send(lab, 'POST', SERVICES, { ...body, metadata }, signal)
      return send(lab, 'POST', SLICES, sliceBody(action.service), signal)
    }
    case 'change': {
      const { name } = action.service
      const { spec, metadata } = serviceBody(action.service)
      await send(lab, 'PATCH', `${SERVICES}/${name}`, { spec, metadata }, signal)
      return send(lab, 'PATCH', `${SLICES}/${name}`, { endpoints: sliceBody(action.service).endpoints }, signal)
    }
    case 'delete':
      await send(lab, 'DELETE', `${SERVICES}/${action.name}`, undefined, signal)
      return send(lab, 'DELETE', `${SLICES}/${action.name}`, undefined, signal)
    case 'add-node': {
      const body = { apiVersion: 'v1', kind: 'Node', metadata: { name: action.node.name } }
      await send(lab, 'POST', NODES, body, signal)
      return tellNode(lab, action.node, signal)
    }
    case 'change-node':
      return tellNode(lab, action.node, signal)
    case 'delete-node':
      return send(lab, 'DELETE', `${NODES}/${action.name}`, undefined, signal)
    case 'pool':
      return
  }
}

async function tellNode(lab: Lab, node: WorldNode, signal: AbortSignal): Promise<void> {
  const status = {
    addresses: [{ type: 'InternalIP', address: node.address }],
    conditions: [{ type: 'Ready', status: node.ready ? 'True' : 'False' }],
  }
  await send(lab, 'PATCH', `${NODES}/${node.name}/status`, { status }, signal)
  await send(lab, 'PATCH', `${NODES}/${node.name}`, { spec: { unschedulable: node.cordoned || null } }, signal)
}

type Method = 'POST' | 'PATCH' | 'DELETE'
/** What a repeated request is told whose first answer was lost. */
const DONE_BEFORE: Readonly<Record<Method, number>> = { POST: 409, PATCH: 0, DELETE: 404 }

async function send(
  lab: Lab,
  method: Method,
  path: string,
  body: object | undefined,
  signal: AbortSignal,
): Promise<void> {
  const attempt = async (limit: AbortSignal) => {
    try {
      await lab.api.request(path, { method, body }, AbortSignal.any([limit, AbortSignal.timeout(5_000)]))
      return true
    } catch (error) {
      if (error instanceof ApiError && error.status === DONE_BEFORE[method]) return true
      throw error
    }
  }
  await waitFor(`${method} ${path}`, attempt, { timeoutMs: ACKNOWLEDGED_WITHIN_MS, intervalMs: 250 }, signal)
}

const ANNOTATIONS = ['balance', 'proxy-protocol', 'health-check', 'idle-timeout', 'max-connections', 'hosts']

function serviceBody({ name, type, ports, host, policy, ranges, annotations }: WorldService) {
  const wishes: Readonly<Record<string, string | undefined>> = { ...annotations, hosts: host }
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      annotations: {
        'fairway.dev/class': 'public',
        ...Object.fromEntries(ANNOTATIONS.map((key) => [`fairway.dev/${key}`, wishes[key] ?? null])),
      },
    },
    spec: {
      type,
      externalTrafficPolicy: policy,
      ports: ports.map((port) => ({ name: `p${port}`, port, protocol: 'TCP' })),
      loadBalancerSourceRanges: ranges.length === 0 ? null : ranges,
    },
  }
}

function sliceBody({ name, pods }: WorldService) {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    addressType: 'IPv4',
    metadata: { name, labels: { 'kubernetes.io/service-name': name } },
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: pods.map((nodeName, at) => ({
      addresses: [`10.244.0.${at + 1}`],
      nodeName,
      conditions: { ready: true, serving: true, terminating: false },
    })),
  }
}
