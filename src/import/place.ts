import type { EndpointSliceObject, NodeObject, ServiceObject, ServicePort } from '../kube/objects.ts'
import { type Family, familyOf, isForwardable } from '../model/address.ts'
import type { OldFrontend, Remarks } from './old.ts'

/** What of the cluster tells which Service an old frontend was for. */
export interface Cluster {
  readonly services: readonly ServiceObject[]
  /** Empty where they are not known. */
  readonly nodes: readonly NodeObject[]
  readonly slicesOf: (service: ServiceObject['metadata']) => readonly EndpointSliceObject[]
}

/** A port of a Service that an old frontend led to: by its node port, or to its pods. */
export interface ServicePlace {
  readonly on: 'nodes' | 'pods'
  readonly service: ServiceObject
  readonly port: ServicePort
}

/** An old frontend with the addresses that clients know, at most one of each family, and what it led to; undefined: to no Service. */
export interface Placed {
  readonly old: OldFrontend
  readonly addresses: readonly string[]
  /** Whether the old proxy bound all its addresses. */
  readonly wildcard: boolean
  readonly place: ServicePlace | undefined
}

/** Finds addresses and Service of old frontends. `published`: addresses that stand for "all addresses" from now on. */
export function placeFrontends(
  frontends: readonly OldFrontend[],
  published: readonly string[],
  cluster: Cluster,
  remarks: Remarks,
): readonly Placed[] {
  return frontends.flatMap((old): readonly Placed[] => {
    const wildcard = WILDCARDS.has(old.address)
    const addresses = wildcard ? addressesFor(old, published, remarks) : [old.address]
    const targets = old.targets.filter(({ address }) => isForwardable(address))
    if (targets.length < old.targets.length) remarks.add(old.at, 'a target on the proxy machine itself is left out')
    if (addresses.length === 0 || targets.length === 0) return []
    const carried = { ...old, targets }
    return [{ old: carried, addresses, wildcard, place: findPlace(carried, cluster, remarks) }]
  })
}

const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::', '*'])

function addressesFor({ at, address, port }: OldFrontend, published: readonly string[], remarks: Remarks) {
  const families: readonly Family[] = address === '*' ? ['IPv4', 'IPv6'] : [address === '::' ? 'IPv6' : 'IPv4']
  const found = families.flatMap((family) => published.find((one) => familyOf(one) === family) ?? [])
  if (found.length === 0)
    remarks.add(at, `port ${port} is on all addresses, and left out: name the one that clients use by --address`)
  return found
}

function findPlace(old: OldFrontend, cluster: Cluster, remarks: Remarks): ServicePlace | undefined {
  const byPort = findNodePort(old, cluster.services)
  if (byPort === undefined) return findPods(old, cluster)
  const known = new Set(cluster.nodes.flatMap(({ status }) => status.addresses.map(({ address }) => address)))
  const stranger = known.size === 0 ? undefined : old.targets.find(({ address }) => !known.has(address))
  if (stranger !== undefined) {
    remarks.add(
      old.at,
      `target ${stranger.address} is no node of the cluster, so this is carried over with its targets as they are`,
    )
    return undefined
  }
  if (old.targets.length < cluster.nodes.length)
    remarks.add(
      old.at,
      `leads to ${old.targets.length} of ${cluster.nodes.length} nodes: all that are ready take part from now on, unless fairway.dev/node-selector chooses`,
    )
  return { on: 'nodes', ...byPort }
}

/** Node ports are unique in a cluster, for each protocol. */
function findNodePort({ targets, protocol }: OldFrontend, services: readonly ServiceObject[]) {
  const ports = new Set(targets.map(({ port }) => port))
  const [nodePort] = ports
  if (ports.size !== 1) return undefined
  for (const service of services) {
    const port = service.spec.ports.find((one) => one.nodePort === nodePort && one.protocol === protocol)
    if (port !== undefined) return { service, port }
  }
  return undefined
}

function findPods({ targets, protocol }: OldFrontend, { services, slicesOf }: Cluster): ServicePlace | undefined {
  for (const service of services) {
    const slices = slicesOf(service.metadata)
    for (const port of service.spec.ports) {
      if (port.protocol !== protocol) continue
      const sockets = new Set(slices.flatMap((slice) => socketsOf(slice, port)))
      const isIts = targets.every((target) => sockets.has(`${target.address} ${target.port}`))
      if (isIts) return { on: 'pods', service, port }
    }
  }
  return undefined
}

function socketsOf({ ports, endpoints }: EndpointSliceObject, { name = '', protocol }: ServicePort): readonly string[] {
  const number = ports.find((one) => one.name === name && one.protocol === protocol)?.port
  return endpoints.flatMap(({ addresses }) => addresses.slice(0, 1).map((address) => `${address} ${number}`))
}
