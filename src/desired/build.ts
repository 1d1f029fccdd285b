import type { EndpointSliceObject, NodeObject, ServiceObject, ServicePort } from '../kube/objects.ts'
import { canonicalCidr, type Family } from '../model/address.ts'
import {
  type Balance,
  compareText,
  type Frontend,
  makeTable,
  serviceName,
  type Table,
  type TargetGroup,
} from '../model/table.ts'
import type { Allocation } from './allocate.ts'
import type { NodeAddressType } from './annotation-values.ts'
import type { Settings } from './annotations.ts'
import { type PortDemand, type ServiceProblem, serviceProblem } from './demand.ts'
import { nodesWithEndpoints } from './endpoints.ts'
import { parseSelector } from './label-selector.ts'
import { nodeTargets, usableNodes } from './nodes.ts'

/** Begins the ids of groups that belong to one Service because of its endpoints. */
const LOCAL = 'local/'

export interface BuildInput {
  readonly nodes: readonly NodeObject[]
  /** The slices of one Service. */
  readonly slicesOf: (service: ServiceObject) => readonly EndpointSliceObject[]
  readonly addressTypes: readonly NodeAddressType[]
  readonly nodeSelector: string
  readonly forbidden: (address: string) => boolean
}

/** One Service with what it was given and how it wants to be served. */
export interface Placement {
  readonly allocation: Allocation
  readonly settings: Settings
}

export interface Built {
  readonly table: Table
  /** Ids of the groups that are empty only when no node at all is usable. */
  readonly nodeGroups: ReadonlySet<string>
  /** By UID of the Service. */
  readonly problems: ReadonlyMap<string, readonly ServiceProblem[]>
}

/** Turns allocations into the table of a class: one frontend for each address and port, over target groups that are shared where they can be. */
export function buildTable(placements: readonly Placement[], input: BuildInput): Built {
  const groups = new Map<string, TargetGroup>()
  const problems = new Map<string, readonly ServiceProblem[]>()
  const frontends = placements.flatMap(({ allocation, settings }) => {
    const { service } = allocation.demand
    if (allocation.addresses.length === 0) return []
    const ranges = sourceRanges(service)
    const group = targetGroup(service, settings, input, groups)
    problems.set(service.metadata.uid, [
      ...checkTargets(service, group, settings),
      ...(ranges === undefined ? [badRanges(service)] : []),
    ])
    // Without ranges that can be read, nobody may be let in: the port is closed.
    if (ranges === undefined) return []
    return allocation.addresses.flatMap((address) =>
      allocation.ports.map((port) => buildFrontend(service, address, port, group.id, ranges, settings)),
    )
  })
  const nodeGroups = new Set([...groups.keys()].filter((id) => !id.startsWith(LOCAL)))
  return { table: makeTable(frontends, groups.values()), nodeGroups, problems }
}

function buildFrontend(
  service: ServiceObject,
  address: string,
  port: PortDemand,
  group: string,
  ranges: readonly string[],
  settings: Settings,
): Frontend {
  const { servicePort } = port
  return {
    address,
    port: port.port,
    protocol: port.protocol,
    group,
    targetPort: port.nodePort,
    proxyProtocol: settings.forPort('proxy-protocol', servicePort) ?? 'off',
    balance: balanceOf(service, servicePort, settings),
    healthCheck: settings.forPort('health-check', servicePort) ?? 'off',
    idleTimeoutMs: settings.forPort('idle-timeout', servicePort),
    maxConnections: settings.forPort('max-connections', servicePort),
    sourceRanges: ranges,
    hosts: settings.whole('hosts')?.toSorted(compareText) ?? [],
    service: { namespace: service.metadata.namespace, name: service.metadata.name, uid: service.metadata.uid },
  }
}

/** The Service's own annotation, then its session affinity, then the class's default. */
function balanceOf(service: ServiceObject, port: ServicePort, settings: Settings): Balance {
  if (service.spec.sessionAffinity === 'ClientIP' && !settings.asked('balance', port)) return 'source'
  return settings.forPort('balance', port) ?? 'round-robin'
}

/** Canonical CIDRs, sorted; empty: everyone; undefined: there is one that cannot be read. A NodePort Service has none (core/v1 ServiceSpec). */
function sourceRanges(service: ServiceObject): readonly string[] | undefined {
  if (service.spec.type !== 'LoadBalancer') return []
  const ranges = service.spec.loadBalancerSourceRanges.map(canonicalCidr)
  if (!ranges.every((range) => range !== undefined)) return undefined
  return [...new Set(ranges)].toSorted(compareText)
}

function badRanges(service: ServiceObject): ServiceProblem {
  const what = `has loadBalancerSourceRanges ${service.spec.loadBalancerSourceRanges.join(', ')}, not all of which are CIDRs`
  return serviceProblem(service, 'AddressInvalid', what, 'Correct spec.loadBalancerSourceRanges')
}

/** Finds or makes the group of a Service: shared by all that choose nodes alike, its own under externalTrafficPolicy Local. */
function targetGroup(
  service: ServiceObject,
  settings: Settings,
  input: BuildInput,
  groups: Map<string, TargetGroup>,
): TargetGroup {
  const types = settings.whole('node-address-type') ?? input.addressTypes
  const families: readonly Family[] = service.spec.ipFamilies.length > 0 ? service.spec.ipFamilies : ['IPv4']
  const selectors = [input.nodeSelector, settings.whole('node-selector') ?? ''].filter((text) => text !== '')
  const local = service.spec.externalTrafficPolicy === 'Local'
  const shared = ['nodes', types.join(','), families.join(','), ...selectors].join('/')
  const id = local ? `${LOCAL}${serviceName(service.metadata)}/${shared}` : shared
  const known = groups.get(id)
  if (known !== undefined) return known
  const selector = selectors.flatMap((text) => parseSelector(text) ?? [])
  const holding = local
    ? nodesWithEndpoints(input.slicesOf(service), service.spec.publishNotReadyAddresses === true)
    : undefined
  const nodes = usableNodes(input.nodes, selector).filter(({ metadata }) => holding?.has(metadata.name) ?? true)
  const group = { id, targets: nodeTargets(nodes, { types, families, forbidden: input.forbidden }) }
  groups.set(id, group)
  return group
}

function checkTargets(service: ServiceObject, group: TargetGroup, settings: Settings): readonly ServiceProblem[] {
  const problems: ServiceProblem[] = []
  if (settings.whole('targets') === 'pods') {
    const remedy = 'Remove the annotation fairway.dev/targets: traffic goes by node ports'
    problems.push(
      serviceProblem(service, 'Unsupported', 'asks for pods as targets, which this version cannot do', remedy),
    )
  }
  if (group.targets.length > 0) return problems
  const local = service.spec.externalTrafficPolicy === 'Local'
  const what = local ? 'has no ready endpoint on any usable node' : 'has no usable node behind it'
  const remedy = local
    ? 'Check its pods, or set externalTrafficPolicy: Cluster'
    : 'Check that nodes are ready, and have an address of the wanted type and family (kubectl get nodes -o wide)'
  return [...problems, serviceProblem(service, 'NoTargets', what, remedy)]
}
