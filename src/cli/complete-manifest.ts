import type { NodeObject, ServiceObject, ServicePort } from '../kube/objects.ts'
import { keepEndpointSlice, keepNode, keepService } from '../kube/resources.ts'
import { fromWire } from '../kube/wire.ts'

/** A manifest as somebody wrote it, or as kubectl printed it. */
interface Manifest {
  readonly kind?: string
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly items?: readonly unknown[] | null
}

/** Objects of the kinds that Fairway reads; all others are passed over. */
export interface ManifestObjects {
  readonly services: readonly ServiceObject[]
  readonly nodes: readonly NodeObject[]
  readonly slices: readonly NonNullable<ReturnType<typeof keepEndpointSlice>>[]
  /** Of the namespace kube-system, where it is among them. */
  readonly uid: string | undefined
  /** Whether node ports were made up. */
  readonly invented: boolean
}

const FIRST_NODE_PORT = 30_000

/** Reads manifests, lists among them, and fills in what the API server would: namespaces, families, node ports. */
export function readObjects(manifests: readonly unknown[]): ManifestObjects {
  const all = manifests.flatMap(unfold)
  const ofKind = (kind: string) => all.filter((one) => one.kind === kind)
  const kept = ofKind('Service').flatMap((one) => keepService(withIdentity(one, 'default')) ?? [])
  const given = new Set(kept.flatMap(({ spec }) => spec.ports.flatMap(({ nodePort }) => nodePort ?? [])))
  const ports = inventPorts(given)
  const services = kept.map((one) => completeService(one, ports.next))
  const system = ofKind('Namespace').find(({ metadata }) => metadata?.['name'] === 'kube-system')
  const uid = system?.metadata?.['uid']
  return {
    services,
    nodes: ofKind('Node').flatMap((one) => keepNode(withIdentity(one, undefined)) ?? []),
    slices: ofKind('EndpointSlice').flatMap((one) => keepEndpointSlice(withIdentity(one, 'default')) ?? []),
    uid: typeof uid === 'string' ? uid : undefined,
    invented: ports.used(),
  }
}

function unfold(value: unknown): readonly Manifest[] {
  if (typeof value !== 'object' || value === null) return []
  const manifest = fromWire<Manifest>(value)
  const isList = manifest.kind?.endsWith('List') === true && manifest.metadata?.['name'] === undefined
  return isList ? (manifest.items ?? []).flatMap(unfold) : [manifest]
}

function withIdentity(manifest: Manifest, namespace: string | undefined): Manifest {
  const { metadata = {}, kind } = manifest
  const named = namespace === undefined ? metadata : { namespace, ...metadata }
  const uid = [kind, named['namespace'], named['name']].filter((part) => typeof part === 'string').join(' ')
  return { ...manifest, metadata: { uid, ...named } }
}

interface Ports {
  readonly next: () => number
  readonly used: () => boolean
}

function inventPorts(taken: ReadonlySet<number>): Ports {
  let last = FIRST_NODE_PORT - 1
  return {
    next: () => {
      do last++
      while (taken.has(last))
      return last
    },
    used: () => last >= FIRST_NODE_PORT,
  }
}

function completeService(service: ServiceObject, next: () => number): ServiceObject {
  const { spec } = service
  const hasPorts =
    spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false)
  const complete = (port: ServicePort): ServicePort => ({
    ...port,
    protocol: port.protocol ?? 'TCP',
    nodePort: port.nodePort ?? (hasPorts ? next() : undefined),
  })
  const needsCheck = spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'
  return {
    ...service,
    spec: {
      ...spec,
      ports: spec.ports.map(complete),
      ipFamilies: spec.ipFamilies.length > 0 ? spec.ipFamilies : ['IPv4'],
      healthCheckNodePort: spec.healthCheckNodePort ?? (needsCheck ? next() : undefined),
    },
  }
}
