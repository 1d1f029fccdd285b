import type { ServiceObject } from '../kube/objects.ts'
import { type Family, inRange, isForwardable } from '../model/address.ts'
import { compareText, serviceName, type TargetGroup } from '../model/table.ts'
import type { Settings } from './annotations.ts'
import type { PortDemand } from './demand.ts'
import { findSockets, groupSockets, nodesWithEndpoints, portNamed, type SocketGroup } from './endpoints.ts'
import { createNodeSets, membersOn, type NodeRule, targetsAt } from './node-sets.ts'
import { hashText, SHARDS } from './rendezvous.ts'
import type { ClassSpec, ClusterState } from './spec.ts'

/** The nodes that a Service leads to, by the id of their group and without the cluster. */
export interface NodeWish {
  readonly id: string
  readonly rule: NodeRule
  /** Chooses among the nodes where a group must not have all. */
  readonly seed: number
  /** Whether only nodes with endpoints of the Service take its traffic. */
  readonly local: boolean
}

/** Reads which nodes a Service wants: a function of the Service and its class. Services that choose nodes alike get one id, unless they are local. */
export function nodeWish(service: ServiceObject, settings: Settings, spec: ClassSpec): NodeWish {
  const local = service.spec.externalTrafficPolicy === 'Local'
  const rule = {
    selectors: [spec.nodeSelector, settings.whole('node-selector') ?? ''].filter((text) => text !== ''),
    excluded: false,
    types: settings.whole('node-address-type') ?? spec.addressTypes,
    families: familiesOf(service),
  }
  const shared = `nodes/${rule.types.join()}/${rule.families.join()}${rule.selectors.map((text) => `/${text}`).join('')}`
  if (!local && spec.maxTargets === 0) return { id: shared, rule, seed: 0, local }
  const name = serviceName(service.metadata)
  const hash = hashText(name)
  if (local) return { id: `local/${name}/${shared}`, rule, seed: hash, local }
  const shard = hash % SHARDS
  return { id: `${shared}/${shard}`, rule, seed: hashText(`shard ${shard}`), local }
}

function familiesOf({ spec }: ServiceObject): readonly Family[] {
  return spec.ipFamilies.length > 0 ? spec.ipFamilies : ['IPv4']
}

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

/** Joins nodes and endpoints of a cluster with what a class allows to be a target. */
export function createGroups(spec: ClassSpec, state: ClusterState): Groups {
  const nodeSets = createNodeSets(state.nodes, spec.forbidden)
  const known = new Map<string, TargetGroup>()
  return {
    byNodes: (service, wish) => {
      const found = known.get(wish.id)
      if (found !== undefined) return found
      const { id, rule, seed, local } = wish
      const set = nodeSets(rule)
      const notReady = service.spec.publishNotReadyAddresses === true
      const members = local
        ? membersOn(set, nodesWithEndpoints(state.slicesOf(service.metadata), notReady))
        : set.members
      const group = { id, targets: targetsAt(members, seed, spec.maxTargets) }
      known.set(id, group)
      return group
    },
    byPods: (service, port) => findPods(service, port, spec, state),
    nodes: (id, rule) => ({ id, targets: targetsAt(nodeSets(rule).members, 0, 0) }),
  }
}

/** The endpoints of one port of a Service, for which each pod may have a port of its own. */
function findPods(service: ServiceObject, port: PortDemand, spec: ClassSpec, state: ClusterState): PodWay {
  const { name = '', protocol } = port.servicePort
  const families = familiesOf(service)
  const open = families.filter((family) => spec.podRanges.some((range) => range.family === family))
  const { sockets, refused } = findSockets(state.slicesOf(service.metadata), {
    // A class that allows one family of a dual-stack cluster means that one.
    families: open.length > 0 ? open : families,
    publishNotReady: service.spec.publishNotReadyAddresses === true,
    portOf: (slice) => portNamed(slice, name, protocol),
    allowed: (address) =>
      isForwardable(address) && !spec.forbidden(address) && spec.podRanges.some((range) => inRange(range, address)),
  })
  const way = groupSockets(`pods/${serviceName(service.metadata)}/${port.text}`, sockets, port.port)
  return { ...way, refused: [...new Set(refused)].toSorted(compareText) }
}
