import type { Endpoint, EndpointSliceObject } from '../kube/objects.ts'
import { canonicalAddress, type Family, familyOf } from '../model/address.ts'
import { compareText, type Target, type TargetGroup } from '../model/table.ts'

/**
 * Endpoints that take traffic: those that are ready, or, when none is, those that still serve while they terminate (KEP-1669); with
 * `publishNotReady` all of them. Absent conditions mean what discovery.k8s.io/v1 says.
 */
export function servingEndpoints<T extends Pick<Endpoint, 'conditions'>>(
  endpoints: readonly T[],
  publishNotReady: boolean,
): readonly T[] {
  const ready = endpoints.filter(({ conditions }) => publishNotReady || conditions.ready !== false)
  if (ready.length > 0) return ready
  return endpoints.filter(
    ({ conditions }) => conditions.terminating === true && (conditions.serving ?? conditions.ready) !== false,
  )
}

/** Names of the nodes that have endpoints of a Service which take traffic. */
export function nodesWithEndpoints(
  slices: readonly EndpointSliceObject[],
  publishNotReady: boolean,
): ReadonlySet<string> {
  const placed = slices.flatMap(({ endpoints }) => endpoints.filter(({ nodeName }) => nodeName !== undefined))
  return new Set(servingEndpoints(placed, publishNotReady).flatMap(({ nodeName }) => nodeName ?? []))
}

/** Which endpoints of a Service's slices may be targets themselves. */
export interface EndpointRule {
  /** Preferred first. The same pods are in slices of each family: those of the first that has usable ones are taken. */
  readonly families: readonly Family[]
  readonly publishNotReady: boolean
  /** The port of a slice's endpoints; undefined: they do not have the one that is meant. */
  readonly portOf: (slice: EndpointSliceObject) => number | undefined
  readonly allowed: (address: string) => boolean
}

/** A canonical address and a port of a pod. */
export interface PodSocket {
  readonly address: string
  readonly port: number
}

export interface FoundSockets {
  readonly sockets: readonly PodSocket[]
  /** Addresses that may be no target, as the slices have them. */
  readonly refused: readonly string[]
}

/** Finds where the endpoints of a Service are reached. Slices are whatever their writers wrote: what is no address, or not an allowed one, is refused. */
export function findSockets(slices: readonly EndpointSliceObject[], rule: EndpointRule): FoundSockets {
  const refused: string[] = []
  for (const family of rule.families) {
    const found = new Map<string, PodSocket>()
    const endpoints = slices
      .filter(({ addressType }) => addressType === family)
      .flatMap((slice) => {
        const port = rule.portOf(slice)
        return port === undefined ? [] : slice.endpoints.map((endpoint) => ({ ...endpoint, port }))
      })
    for (const { addresses, port } of servingEndpoints(endpoints, rule.publishNotReady)) {
      // Addresses beyond the first mean nothing (discovery.k8s.io/v1).
      const [text = ''] = addresses
      const address = canonicalAddress(text)
      if (address === undefined || familyOf(address) !== family || !rule.allowed(address)) refused.push(text)
      else found.set(`${address} ${port}`, { address, port })
    }
    if (found.size > 0) return { sockets: [...found.values()], refused }
  }
  return { sockets: [], refused }
}

/** The port of a Service's port in one slice: slices name it alike, whatever number each pod has for it. */
export function portNamed({ ports }: EndpointSliceObject, name: string, protocol: string): number | undefined {
  return ports.find((port) => port.name === name && port.protocol === protocol)?.port
}

export interface SocketGroup {
  readonly group: TargetGroup
  readonly targetPort: number
}

/** Makes a group of sockets. The smallest port is that of the frontends, and the targets with another one name it. `idle`: the port when there are none. */
export function groupSockets(id: string, sockets: readonly PodSocket[], idle: number): SocketGroup {
  const targetPort = sockets.reduce((least, { port }) => Math.min(least, port), sockets[0]?.port ?? idle)
  const targets: readonly Target[] = sockets
    .toSorted((a, b) => compareText(a.address, b.address) || a.port - b.port)
    .map(({ address, port }) => ({ name: address, address, ...(port === targetPort ? {} : { port }) }))
  return { group: { id, targets }, targetPort }
}
