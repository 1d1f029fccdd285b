import type { NodeObject } from '../kube/objects.ts'
import type { Family } from '../model/address.ts'
import { hashText, pickMembers } from '../model/rendezvous.ts'
import { compareText, type Target } from '../model/table.ts'
import type { NodeAddressType } from './annotation-values.ts'
import { parseSelector } from './label-selector.ts'
import { drainOf, nodeAddress, usableNodes } from './nodes.ts'

/** Which nodes, and at which of their addresses. */
export interface NodeRule {
  /** Label selectors, all of which hold. */
  readonly selectors: readonly string[]
  /** Whether nodes that Kubernetes excludes from load balancers are among them. */
  readonly excluded: boolean
  readonly types: readonly NodeAddressType[]
  readonly families: readonly Family[]
}

/** A node that may be a target. */
export interface Member {
  /** Of the node's name. */
  readonly hash: number
  readonly target: Target
}

export interface NodeSet {
  /** In the order of names. Of two nodes that claim one address only the first is there. */
  readonly members: readonly Member[]
  readonly byName: ReadonlyMap<string, Member>
}

/** Chooses among the nodes of a cluster: once for each rule, however many Services have it. */
export function createNodeSets(
  nodes: readonly NodeObject[],
  forbidden: (address: string) => boolean,
): (rule: NodeRule) => NodeSet {
  const sorted = nodes.toSorted((a, b) => compareText(a.metadata.name, b.metadata.name))
  const chosen = new Map<string, readonly NodeObject[]>()
  const sets = new Map<string, NodeSet>()
  const gather = (rule: NodeRule) => {
    const choice = [String(rule.excluded), ...rule.selectors].join('\n')
    const key = [rule.types.join(), rule.families.join(), choice].join('\n')
    const known = sets.get(key)
    if (known !== undefined) return known
    const usable = chosen.get(choice) ?? chooseNodes(sorted, rule)
    chosen.set(choice, usable)
    const set = gatherMembers(usable, rule, forbidden)
    sets.set(key, set)
    return set
  }
  // Most ask by the rule that the one before has asked by.
  let last: { readonly rule: NodeRule; readonly set: NodeSet } | undefined
  return (rule) => {
    if (last?.rule !== rule) last = { rule, set: gather(rule) }
    return last.set
  }
}

function chooseNodes(nodes: readonly NodeObject[], { selectors, excluded }: NodeRule): readonly NodeObject[] {
  const parsed = selectors.map(parseSelector)
  // What a selector was to keep out must not come in because it cannot be read.
  return parsed.every((one) => one !== undefined) ? usableNodes(nodes, { selectors: parsed, excluded }) : []
}

function gatherMembers(nodes: readonly NodeObject[], rule: NodeRule, forbidden: (address: string) => boolean): NodeSet {
  const byName = new Map<string, Member>()
  const addressRule = { ...rule, forbidden }
  for (const node of nodes) {
    const { name } = node.metadata
    const address = nodeAddress(node.status.addresses, addressRule)
    if (address === undefined) continue
    const draining = drainOf(node)
    const target = draining === undefined ? { name, address } : { name, address, draining }
    byName.set(name, { hash: hashText(name), target })
  }
  return { byName, members: withOwnAddress([...byName.values()]) }
}

function withOwnAddress(members: readonly Member[]): readonly Member[] {
  const taken = new Set<string>()
  return members.filter(({ target: { address } }) => taken.size < taken.add(address).size)
}

/** The members on some nodes, in the order of names. */
export function membersOn(set: NodeSet, names: Iterable<string>): readonly Member[] {
  const found = [...names].toSorted(compareText).flatMap((name) => set.byName.get(name) ?? [])
  return withOwnAddress(found)
}

/**
 * The targets at some members, sorted by address: at most `most` that take new connections (0: all), the same for the same seed. Those that drain
 * come on top of these where the seed had chosen them before, so that their connections go on while others take over what is new.
 */
export function targetsAt(members: readonly Member[], seed: number, most: number): readonly Target[] {
  const picked = pickMembers(members, seed, most)
  const draining = picked.filter(({ target }) => target.draining !== undefined)
  const all = draining.length === 0 ? picked : new Set([...pickMembers(stayingOf(members), seed, most), ...draining])
  return [...all].map(({ target }) => target).toSorted((a, b) => compareText(a.address, b.address))
}

/** Those that do not drain; when there are none, the cordoned ones, which stay longer than those that are about to leave. */
function stayingOf(members: readonly Member[]): readonly Member[] {
  const plain = members.filter(({ target }) => target.draining === undefined)
  if (plain.length > 0) return plain
  const cordoned = members.filter(({ target }) => target.draining === 'cordoned')
  return cordoned.length > 0 ? cordoned : members
}
