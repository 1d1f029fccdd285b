import { PREFIX } from '../model/names.ts'
import type {
  Endpoint,
  EndpointPort,
  EndpointSliceObject,
  IngressStatus,
  KubeObject,
  NamespacedMeta,
  NodeAddress,
  NodeObject,
  PortStatus,
  ServiceCondition,
  ServiceMeta,
  ServiceObject,
  ServicePort,
  ServiceSpec,
} from './objects.ts'
import { fromWire } from './wire.ts'

/** A kind of object that is cached. */
export interface Resource<T extends KubeObject> {
  /** Plural, as in RBAC and URLs. */
  readonly name: string
  /** Of the collection over all namespaces. */
  readonly path: string
  /** Picks what is read off an object as the API server sent it; undefined: of no interest. */
  keep(raw: unknown): T | undefined
}

export const SERVICES: Resource<ServiceObject> = { name: 'services', path: '/api/v1/services', keep: keepService }
export const NODES: Resource<NodeObject> = { name: 'nodes', path: '/api/v1/nodes', keep: keepNode }
export const ENDPOINT_SLICES: Resource<EndpointSliceObject> = {
  name: 'endpointslices',
  path: '/apis/discovery.k8s.io/v1/endpointslices',
  keep: keepEndpointSlice,
}

/** Path of one Service's status. */
export function serviceStatusPath(service: { readonly namespace: string; readonly name: string }): string {
  return `/api/v1/namespaces/${service.namespace}/services/${service.name}/status`
}

const OURS = `${PREFIX}/`
const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'

interface RawService {
  readonly metadata?: Partial<ServiceMeta>
  readonly spec?: Partial<ServiceSpec>
  readonly status?: {
    readonly loadBalancer?: { readonly ingress?: readonly RawIngress[] }
    readonly conditions?: readonly ServiceCondition[]
  }
}

type RawIngress = Omit<IngressStatus, 'ports'> & { readonly ports?: readonly PortStatus[] }

/** Every object gets the same keys in the same order: V8 then stores thousands of them compactly. */
export function keepService(raw: unknown): ServiceObject | undefined {
  const { metadata, spec = {}, status } = fromWire<RawService>(raw)
  if (!metadata?.name || !metadata.uid) return undefined
  return {
    metadata: {
      name: metadata.name,
      namespace: metadata.namespace ?? '',
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion ?? '',
      generation: metadata.generation,
      creationTimestamp: metadata.creationTimestamp,
      deletionTimestamp: metadata.deletionTimestamp,
      annotations: Object.fromEntries(
        Object.entries(metadata.annotations ?? {}).filter(([name]) => name.startsWith(OURS)),
      ),
      finalizers: metadata.finalizers ?? [],
    },
    spec: keepServiceSpec(spec),
    status: {
      loadBalancer: { ingress: (status?.loadBalancer?.ingress ?? []).map(keepIngress) },
      conditions: (status?.conditions ?? []).filter((condition) => condition.type.startsWith(OURS)).map(keepCondition),
    },
  }
}

function keepServiceSpec(spec: Partial<ServiceSpec>): ServiceSpec {
  const affinity = spec.sessionAffinityConfig?.clientIP
  return {
    type: spec.type ?? 'ClusterIP',
    ports: (spec.ports ?? []).map(keepServicePort),
    externalTrafficPolicy: spec.externalTrafficPolicy,
    healthCheckNodePort: spec.healthCheckNodePort === 0 ? undefined : spec.healthCheckNodePort,
    loadBalancerClass: spec.loadBalancerClass,
    loadBalancerIP: spec.loadBalancerIP === '' ? undefined : spec.loadBalancerIP,
    loadBalancerSourceRanges: spec.loadBalancerSourceRanges ?? [],
    ipFamilies: spec.ipFamilies ?? [],
    ipFamilyPolicy: spec.ipFamilyPolicy,
    sessionAffinity: spec.sessionAffinity,
    sessionAffinityConfig:
      affinity === undefined ? undefined : { clientIP: { timeoutSeconds: affinity.timeoutSeconds } },
    allocateLoadBalancerNodePorts: spec.allocateLoadBalancerNodePorts,
    publishNotReadyAddresses: spec.publishNotReadyAddresses,
  }
}

function keepServicePort({ name, protocol, port, targetPort, nodePort }: ServicePort): ServicePort {
  return { name, protocol, port, targetPort, nodePort: nodePort === 0 ? undefined : nodePort }
}

function keepIngress({ ip, hostname, ipMode, ports = [] }: RawIngress): IngressStatus {
  return { ip, hostname, ipMode, ports: ports.map(({ port, protocol, error }) => ({ port, protocol, error })) }
}

function keepCondition({ type, status, reason, message, lastTransitionTime }: ServiceCondition): ServiceCondition {
  return { type, status, reason, message, lastTransitionTime }
}

interface RawNode {
  readonly metadata?: Partial<NodeObject['metadata']>
  readonly spec?: Partial<NodeObject['spec']>
  readonly status?: {
    readonly addresses?: readonly NodeAddress[]
    readonly conditions?: readonly { readonly type: string; readonly status: NodeObject['status']['ready'] }[]
  }
}

/** Of a node's conditions only the status of `Ready`: the times in them change with every heartbeat. */
export function keepNode(raw: unknown): NodeObject | undefined {
  const { metadata, spec, status } = fromWire<RawNode>(raw)
  if (!metadata?.name || !metadata.uid) return undefined
  return {
    metadata: {
      name: metadata.name,
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion ?? '',
      deletionTimestamp: metadata.deletionTimestamp,
      labels: metadata.labels ?? {},
    },
    spec: {
      unschedulable: spec?.unschedulable,
      taints: (spec?.taints ?? []).map(({ key, value, effect }) => ({ key, value, effect })),
    },
    status: {
      addresses: (status?.addresses ?? []).map(({ type, address }) => ({ type, address })),
      ready: status?.conditions?.find((condition) => condition.type === 'Ready')?.status,
    },
  }
}

interface RawEndpointSlice {
  readonly metadata?: Partial<NamespacedMeta> & { readonly labels?: Readonly<Record<string, string>> }
  readonly addressType: EndpointSliceObject['addressType']
  readonly endpoints?: readonly RawEndpoint[] | null
  readonly ports?: readonly Partial<EndpointPort>[] | null
}

type RawEndpoint = Omit<Endpoint, 'conditions'> & { readonly conditions?: Endpoint['conditions'] }

/** Slices that belong to no Service are not kept. */
export function keepEndpointSlice(raw: unknown): EndpointSliceObject | undefined {
  const { metadata, addressType, endpoints, ports } = fromWire<RawEndpointSlice>(raw)
  const service = metadata?.labels?.[SERVICE_NAME_LABEL]
  if (!metadata?.name || !metadata.uid || !service) return undefined
  return {
    metadata: {
      name: metadata.name,
      namespace: metadata.namespace ?? '',
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion ?? '',
    },
    service,
    addressType,
    endpoints: (endpoints ?? []).map(keepEndpoint),
    ports: (ports ?? []).map(({ name = '', protocol = 'TCP', port }) => ({ name, protocol, port })),
  }
}

function keepEndpoint({ addresses, conditions, nodeName }: RawEndpoint): Endpoint {
  const { ready, serving, terminating } = conditions ?? {}
  return { addresses, conditions: { ready, serving, terminating }, nodeName }
}
