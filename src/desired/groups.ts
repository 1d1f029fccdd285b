import type { EndpointSliceObject, NodeObject, ServiceObject } from '../kube/objects.ts'
import { inRange, isForwardable } from '../model/address.ts'
import { createRecall } from '../model/remember.ts'
import { sameGroup, sameTexts } from '../model/same.ts'
import { compareText, serviceName, type TargetGroup } from '../model/table.ts'
import type { PortDemand } from './demand.ts'
import { findSockets, groupSockets, nodesWithEndpoints, portNamed, type SocketGroup } from './endpoints.ts'
import { createNodeSets, membersOn, type NodeRule, type NodeSet, targetsAt } from './node-sets.ts'
import { familiesOf, type NodeWish } from './node-wish.ts'
import type { ClassSpec, ClusterState } from './spec.ts'

export interface PodWay extends SocketGroup {
  /** Addresses of endpoints that may be no target, each once, sorted. */
  readonly refused: readonly string[]
}

/** Finds the targets of Services, once for each group. */
export interface Groups {
  byNodes(service: ServiceObject, wish: NodeWish): TargetGroup
  byPods(service: ServiceObject, port: PortDemand): PodWay
  /** Of any nodes, without a limit. */
  nodes(id: string, rule: NodeRule): TargetGroup
}

type TargetSpec = Pick<ClassSpec, 'forbidden' | 'maxTargets' | 'podRanges'>

/**
 * Joins nodes and endpoints of a cluster with what a class allows to be a target. Groups that are as they were in the state before are the same
 * objects.
 */
export function createGroups(spec: TargetSpec): (state: ClusterState) => Groups {
  const nodeGroups = createRecall(sameGroup)
  const podWays = createRecall(samePodWay)
  let nodes: readonly NodeObject[] = []
  let nodeSets = createNodeSets(nodes, spec.forbidden)
  return (state) => {
    if (state.nodes !== nodes) nodeSets = createNodeSets(state.nodes, spec.forbidden)
    nodes = state.nodes
    nodeGroups.next()
    podWays.next()
    const slicesOf = ({ metadata }: ServiceObject) => state.slicesOf(metadata)
    const findGroup = (service: ServiceObject, wish: NodeWish) =>
      nodeGroups.get(
        wish.id,
        () => (wish.local ? [nodes, service, ...slicesOf(service)] : [nodes]),
        () => findNodes(wish, nodeSets(wish.rule), service, () => slicesOf(service), spec),
      )
    // Most ask for what the one before has asked for.
    let last: { readonly wish: NodeWish; readonly group: TargetGroup } | undefined
    return {
      byNodes: (service, wish) => {
        if (last?.wish !== wish) last = { wish, group: findGroup(service, wish) }
        return last.group
      },
      byPods: (service, port) =>
        podWays.get(
          podGroupId(service, port),
          () => [service, ...slicesOf(service)],
          () => findPods(service, port, slicesOf(service), spec),
        ),
      nodes: (id, rule) => ({ id, targets: targetsAt(nodeSets(rule).members, 0, 0) }),
    }
  }
}

function findNodes(
  { id, seed, local }: NodeWish,
  set: NodeSet,
  service: ServiceObject,
  slices: () => readonly EndpointSliceObject[],
  { maxTargets }: TargetSpec,
): TargetGroup {
  const notReady = service.spec.publishNotReadyAddresses === true
  const members = local ? membersOn(set, nodesWithEndpoints(slices(), notReady)) : set.members
  return { id, targets: targetsAt(members, seed, maxTargets) }
}

/** The endpoints of one port of a Service, for which each pod may have a port of its own. */
function findPods(
  service: ServiceObject,
  port: PortDemand,
  slices: readonly EndpointSliceObject[],
  { podRanges, forbidden }: TargetSpec,
): PodWay {
  const { name = '', protocol } = port.servicePort
  const families = familiesOf(service)
  const open = families.filter((family) => podRanges.some((range) => range.family === family))
  const { sockets, refused } = findSockets(slices, {
    // A class that allows one family of a dual-stack cluster means that one.
    families: open.length > 0 ? open : families,
    publishNotReady: service.spec.publishNotReadyAddresses === true,
    portOf: (slice) => portNamed(slice, name, protocol),
    allowed: (address) =>
      isForwardable(address) && !forbidden(address) && podRanges.some((range) => inRange(range, address)),
  })
  const way = groupSockets(podGroupId(service, port), sockets, port.port)
  return { ...way, refused: [...new Set(refused)].toSorted(compareText) }
}

function podGroupId({ metadata }: ServiceObject, { text }: PortDemand): string {
  return `pods/${serviceName(metadata)}/${text}`
}

function samePodWay(a: PodWay, b: PodWay): boolean {
  return a.targetPort === b.targetPort && sameTexts(a.refused, b.refused) && sameGroup(a.group, b.group)
}
