// Builders of Kubernetes objects as src/kube/objects.ts keeps them, and of tables. A test says what matters to it; the rest is plausible.
import { type Desired, desireClass, selectServices } from '../../src/desired/desire.ts'
import type { Pool } from '../../src/desired/pools.ts'
import { type AllocationRecord, formatRecord } from '../../src/desired/record.ts'
import type { ClassRule } from '../../src/desired/select.ts'
import type { ClassSpec, ClusterState, ServiceId } from '../../src/desired/spec.ts'
import type {
  Endpoint,
  EndpointSliceObject,
  NodeObject,
  ServiceCondition,
  ServiceMeta,
  ServiceObject,
  ServicePort,
  ServiceSpec,
} from '../../src/kube/objects.ts'
import { type AddressRange, parseRange } from '../../src/model/address.ts'
import { ALL_ABILITIES, type Capabilities, type Observed } from '../../src/model/driver.ts'
import { ALLOCATED_CONDITION, PREFIX } from '../../src/model/names.ts'
import type { Frontend, Table } from '../../src/model/table.ts'

export interface ServiceWishes {
  readonly type?: ServiceSpec['type']
  /** Texts for `portOf`, or ports as the API has them. */
  readonly ports?: readonly (string | ServicePort)[]
  /** Names without the prefix `fairway.dev/`. */
  readonly annotations?: Readonly<Record<string, string>>
  readonly spec?: Partial<ServiceSpec>
  readonly meta?: Partial<ServiceMeta>
  readonly conditions?: readonly ServiceCondition[]
  /** Sets the condition `fairway.dev/Allocated`. */
  readonly record?: AllocationRecord | undefined
}

/** `443`, `53/UDP` or `https:443/TCP`; its node port is 30000 more, as long as that fits. */
export function portOf(text: string): ServicePort {
  const [, name, port, protocol] = /^(?:(.*):)?(\d+)(?:\/(.*))?$/.exec(text) ?? []
  return {
    ...(name === undefined ? {} : { name }),
    protocol: (protocol ?? 'TCP') as ServicePort['protocol'],
    port: Number(port),
    nodePort: 30_000 + (Number(port) % 2_768),
  }
}

/** `service('team-a/web')`: a LoadBalancer Service in IPv4 with port 443. Without a namespace it is in `default`. Its UID is its name. */
export function service(name: string, wishes: ServiceWishes = {}): ServiceObject {
  const [last = '', namespace = 'default'] = name.split('/').toReversed()
  const annotations = Object.entries(wishes.annotations ?? {}).map(([key, value]) => [`${PREFIX}/${key}`, value])
  const record = wishes.record === undefined ? [] : [allocatedCondition(formatRecord(wishes.record))]
  return {
    metadata: {
      name: last,
      namespace,
      uid: `uid of ${namespace}/${last}`,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      annotations: Object.fromEntries(annotations),
      finalizers: [],
      ...wishes.meta,
    },
    spec: {
      type: wishes.type ?? 'LoadBalancer',
      ports: (wishes.ports ?? ['443']).map((port) => (typeof port === 'string' ? portOf(port) : port)),
      loadBalancerSourceRanges: [],
      ipFamilies: ['IPv4'],
      ...wishes.spec,
    },
    status: { loadBalancer: { ingress: [] }, conditions: [...(wishes.conditions ?? []), ...record] },
  }
}

export function allocatedCondition(message: string, status: ServiceCondition['status'] = 'True'): ServiceCondition {
  return { type: ALLOCATED_CONDITION, status, reason: 'Allocated', message, lastTransitionTime: '2026-01-01T00:00:00Z' }
}

/** What a Service of class `public` holds: `held('443/TCP=a.example,b.example 80/TCP', '203.0.113.10')`. */
export function held(ports: string, ...addresses: readonly string[]): AllocationRecord {
  const read = ports.split(' ').filter(Boolean)
  return {
    className: 'public',
    addresses,
    ports: read.map((port) => {
      const [text = '', hosts = ''] = port.split('=')
      return { text, hosts: hosts.split(',').filter(Boolean) }
    }),
  }
}

/** Second of creation: `createdAt(1)` is older than `createdAt(2)`. */
export function createdAt(second: number): { readonly creationTimestamp: string } {
  return { creationTimestamp: new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString() }
}

export interface NodeWishes {
  readonly labels?: Readonly<Record<string, string>>
  readonly taints?: readonly string[]
  readonly ready?: NodeObject['status']['ready']
  readonly deletionTimestamp?: string
  readonly unschedulable?: boolean
}

/** `node('n1', ['InternalIP 10.0.0.1'])`: a ready node. */
export function node(name: string, addresses: readonly string[], wishes: NodeWishes = {}): NodeObject {
  const { labels = {}, taints = [], deletionTimestamp, unschedulable } = wishes
  return {
    metadata: {
      name,
      uid: `uid of ${name}`,
      resourceVersion: '1',
      labels,
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    },
    spec: { unschedulable, taints: taints.map((key) => ({ key, effect: 'NoSchedule' })) },
    status: {
      addresses: addresses.map((text) => ({
        type: text.split(' ')[0] ?? '',
        address: text.slice(text.indexOf(' ') + 1),
      })),
      ready: 'ready' in wishes ? wishes.ready : 'True',
    },
  }
}

/** An endpoint on a node; conditions left out are unknown. */
export function endpoint(nodeName: string, conditions: Endpoint['conditions'] = {}): Endpoint {
  return { addresses: ['10.244.0.1'], conditions, nodeName }
}

/** An endpoint at an address; conditions left out are unknown. */
export function pod(address: string, conditions: Endpoint['conditions'] = {}): Endpoint {
  return { addresses: [address], conditions, nodeName: 'n1' }
}

export function slice(
  { metadata: { name, namespace } }: { readonly metadata: ServiceId },
  endpoints: readonly Endpoint[],
  wishes: Partial<EndpointSliceObject> = {},
): EndpointSliceObject {
  const metadata = { name: `${name}-1`, namespace, uid: `uid of slice ${name}`, resourceVersion: '1' }
  return { metadata, service: name, addressType: 'IPv4', endpoints, ports: [], ...wishes }
}

export function rangeOf(text: string): AddressRange {
  const range = parseRange(text)
  if (range === undefined) throw new Error(`"${text}" is no range`)
  return range
}

export function pool(name: string, addresses: readonly string[], wishes: Partial<Pool> = {}): Pool {
  return {
    name,
    addresses: addresses.map(rangeOf),
    autoAssign: true,
    avoidEdgeAddresses: false,
    namespaces: [],
    priority: 0,
    proxies: [],
    ...wishes,
  }
}

export const PUBLIC: ClassRule = { name: 'public', default: true, aliases: [], namespaces: ['*'] }

export function classSpec(wishes: Partial<ClassSpec> = {}): ClassSpec {
  return {
    name: 'public',
    pools: [pool('main', ['203.0.113.10-203.0.113.12'])],
    evict: false,
    rules: { deniedPorts: new Set(), reservedPorts: new Map(), reservedHosts: new Map(), quota: new Map() },
    defaults: {},
    addressTypes: ['ExternalIP', 'InternalIP'],
    nodeSelector: '',
    maxTargets: 0,
    podRanges: [],
    forbidden: () => false,
    fixed: [],
    ...wishes,
  }
}

/** The desired state of class `public`, a default one, over two nodes. */
export function desire(
  services: readonly ServiceObject[],
  spec: Partial<ClassSpec> = {},
  state: Partial<ClusterState> = {},
): Desired {
  const nodes = [node('n1', ['InternalIP 10.0.0.1']), node('n2', ['InternalIP 10.0.0.2'])]
  return desireClass(classSpec(spec), selectServices(services, [PUBLIC]), {
    services,
    nodes,
    slicesOf: () => [],
    ...state,
  })
}

export function frontend(wishes: Partial<Frontend> = {}): Frontend {
  return {
    address: '203.0.113.10',
    port: 443,
    protocol: 'TCP',
    group: 'nodes',
    targetPort: 30_443,
    proxyProtocol: 'off',
    balance: 'round-robin',
    healthCheck: undefined,
    affinityMs: undefined,
    idleTimeoutMs: undefined,
    maxConnections: undefined,
    sourceRanges: [],
    hosts: [],
    service: undefined,
    ...wishes,
  }
}

export const ALL_CAPABILITIES: Capabilities = {
  TCP: ALL_ABILITIES,
  UDP: { ...ALL_ABILITIES, proxyProtocol: ['off', 'v2'], healthCheck: ['http'], hosts: false },
}

export function observed(table: Table, drifted: readonly string[] = []): Observed {
  return {
    revision: '1',
    table,
    drifted: new Set(drifted),
    listeners: [],
    siblings: [],
    refused: [],
    notices: [],
    trouble: undefined,
    capabilities: ALL_CAPABILITIES,
  }
}

/** How many random cases a property is tried with: so many, or FAIRWAY_SOAK times as many. */
export function runs(count: number): { readonly numRuns: number } {
  return { numRuns: count * Number(process.env['FAIRWAY_SOAK'] ?? 1) }
}
