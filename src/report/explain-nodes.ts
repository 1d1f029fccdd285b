import type { Wish } from '../desired/build-service.ts'
import { nodesWithEndpoints } from '../desired/endpoints.ts'
import { createGroups } from '../desired/groups.ts'
import { type LabelSelector, parseSelector } from '../desired/label-selector.ts'
import { createNodeWishes, type NodeWish } from '../desired/node-wish.ts'
import { drainOf, excludedBecause, nodeAddress } from '../desired/nodes.ts'
import type { ClassSpec, ClusterState } from '../desired/spec.ts'
import type { NodeObject, ServiceObject } from '../kube/objects.ts'
import { compareText } from '../model/table.ts'

/** Whether one node takes the traffic of a Service, and why. */
export interface NodeVerdict {
  readonly node: string
  /** At which it is reached, or would be. */
  readonly address: string | undefined
  readonly takesTraffic: boolean
  /** Without a final stop. */
  readonly why: string
  /** What to do if that is not meant. */
  readonly remedy: string | undefined
}

/** Judges each node of the cluster for a Service whose ports lead to nodes, in the order of names. */
export function judgeNodes({ service, settings }: Wish, spec: ClassSpec, state: ClusterState): readonly NodeVerdict[] {
  const wish = createNodeWishes(spec)(service, settings)
  const targets = createGroups(spec)(state).byNodes(service, wish).targets
  const selectors = wish.rule.selectors.map(parseSelector)
  const court: Court = {
    service,
    spec,
    wish,
    chosen: new Set(targets.map(({ name }) => name)),
    addresses: new Map(targets.map(({ address, name }) => [address, name])),
    selectors: selectors.every((one) => one !== undefined) ? selectors : undefined,
    nodes: state.nodes,
    withEndpoints: nodesWithEndpoints(state.slicesOf(service.metadata), service.spec.publishNotReadyAddresses === true),
  }
  return state.nodes.toSorted((a, b) => compareText(a.metadata.name, b.metadata.name)).map((node) => judge(node, court))
}

interface Court {
  readonly service: ServiceObject
  readonly spec: ClassSpec
  readonly wish: NodeWish
  /** Names of the nodes that are targets. */
  readonly chosen: ReadonlySet<string>
  readonly addresses: ReadonlyMap<string, string>
  /** Undefined: one cannot be read. */
  readonly selectors: readonly LabelSelector[] | undefined
  readonly nodes: readonly NodeObject[]
  readonly withEndpoints: ReadonlySet<string>
}

function judge(node: NodeObject, court: Court): NodeVerdict {
  const { wish, spec, chosen } = court
  const { name } = node.metadata
  const address = nodeAddress(node.status.addresses, { ...wish.rule, forbidden: spec.forbidden })
  if (chosen.has(name)) return { node: name, address, takesTraffic: true, ...whyIn(node, court) }
  const [why, remedy] = whyOut(node, address, court)
  return { node: name, address, takesTraffic: false, why, remedy }
}

function whyIn(node: NodeObject, { wish }: Court): Pick<NodeVerdict, 'why' | 'remedy'> {
  const { name } = node.metadata
  switch (drainOf(node)) {
    case 'cordoned':
      return {
        why: 'it is cordoned: no new connections where the proxy can drain',
        remedy: `kubectl uncordon ${name}`,
      }
    case 'leaving':
      return { why: 'it is about to leave: no new connections where the proxy can drain', remedy: undefined }
    case undefined:
      break
  }
  if (node.status.ready !== 'True')
    return { why: 'it is not ready, and neither is any other', remedy: `kubectl describe node ${name}` }
  return { why: wish.local ? 'it is ready and has a ready endpoint' : 'it is ready', remedy: undefined }
}

/** In the order in which nodes are left out. */
function whyOut(node: NodeObject, address: string | undefined, court: Court): readonly [why: string, remedy: string] {
  const { name } = node.metadata
  const { wish, selectors, nodes, withEndpoints, addresses, spec } = court
  if (selectors === undefined)
    return ['a node selector cannot be read', 'Correct fairway.dev/node-selector, or nodes.selector of the class']
  const choice = { selectors, excluded: wish.rule.excluded }
  const excluded = excludedBecause(node, choice)
  if (excluded !== undefined) return [excluded, excludeRemedy(excluded, name)]
  const isSomeReady = nodes.some((one) => one.status.ready === 'True' && excludedBecause(one, choice) === undefined)
  if (node.status.ready !== 'True' && isSomeReady) return ['it is not ready', `kubectl describe node ${name}`]
  if (address === undefined) {
    const why = `it has no ${wish.rule.types.join(' or ')} of ${wish.rule.families.join(' or ')} that may be a target`
    return [
      why,
      'Look at its addresses (kubectl get node -o wide) and at nodes.addressTypes of the class; addresses of pools and proxies are no targets',
    ]
  }
  if (wish.local && !withEndpoints.has(name)) {
    return [
      'it has no ready endpoint of the Service',
      'Under externalTrafficPolicy: Local only nodes with ready pods take traffic: look at the pods, or set Cluster',
    ]
  }
  const twin = addresses.get(address)
  if (twin !== undefined && twin !== name)
    return [`it has the address of ${twin}`, 'Give each node an address of its own']
  return [
    `nodes.maxTargets of the class is ${spec.maxTargets}, and others were chosen`,
    'Raise nodes.maxTargets if all nodes shall take traffic',
  ]
}

function excludeRemedy(why: string, node: string): string {
  return why.includes('label')
    ? `kubectl label node ${node} node.kubernetes.io/exclude-from-external-load-balancers-`
    : 'Compare its labels (kubectl get node --show-labels) with fairway.dev/node-selector and nodes.selector of the class'
}
