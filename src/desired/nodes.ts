import type { NodeAddress, NodeObject } from '../kube/objects.ts'
import { canonicalAddress, type Family, familyOf, isForwardable } from '../model/address.ts'
import type { Target } from '../model/table.ts'
import type { NodeAddressType } from './annotation-values.ts'
import { type LabelSelector, matchesSelector } from './label-selector.ts'

const EXCLUDE_LABEL = 'node.kubernetes.io/exclude-from-external-load-balancers'
const AUTOSCALER_TAINT = 'ToBeDeletedByClusterAutoscaler'

/** What `strconv.ParseBool` reads as false: the label with any other value, or none, excludes the node (kubernetes/cloud-provider e0d9f9a). */
const FALSE_VALUES = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False'])

/** Which nodes a group may have. */
export interface NodeChoice {
  /** All of them hold. */
  readonly selectors: readonly LabelSelector[]
  /** Whether nodes that Kubernetes excludes from load balancers are chosen too. */
  readonly excluded: boolean
}

/** Why a node takes no traffic from outside, or undefined when it may. */
export function excludedBecause({ metadata }: NodeObject, { selectors, excluded }: NodeChoice): string | undefined {
  const label = Object.hasOwn(metadata.labels, EXCLUDE_LABEL) ? metadata.labels[EXCLUDE_LABEL] : undefined
  if (!excluded && label !== undefined && !FALSE_VALUES.has(label)) return `its label ${EXCLUDE_LABEL} excludes it`
  const matches = selectors.every((selector) => matchesSelector(selector, metadata.labels))
  return matches ? undefined : 'the node selector leaves it out'
}

/** Whether a node shall take no new connections: it is about to leave, or somebody has cordoned it. */
export function drainOf({ metadata, spec }: NodeObject): Target['draining'] {
  if (metadata.deletionTimestamp !== undefined || spec.taints.some(({ key }) => key === AUTOSCALER_TAINT))
    return 'leaving'
  return spec.unschedulable === true ? 'cordoned' : undefined
}

/**
 * Nodes that take traffic. Upstream leaves readiness to the load balancer's health checks (KEP-3458); not every proxy has them, so nodes that are
 * not ready are left out here, unless that would leave none: then readiness is more likely wrong than all nodes at once.
 */
export function usableNodes(nodes: readonly NodeObject[], choice: NodeChoice): readonly NodeObject[] {
  const eligible = nodes.filter((node) => excludedBecause(node, choice) === undefined)
  const ready = eligible.filter((node) => node.status.ready === 'True')
  return ready.length > 0 ? ready : eligible
}

/** Which of its addresses a node is reached at. */
export interface AddressRule {
  readonly types: readonly NodeAddressType[]
  /** Families on which the Service's node ports listen, preferred first. */
  readonly families: readonly Family[]
  /** Addresses that may never be a target: the pools' and the proxies' own. */
  readonly forbidden: (address: string) => boolean
}

/**
 * The address of a node: of the first type in the list for which it has a usable one. Node addresses are whatever a kubelet or an editor wrote,
 * so anything that is not an address, or that would lead back to the proxy, is passed over.
 */
export function nodeAddress(addresses: readonly NodeAddress[], rule: AddressRule): string | undefined {
  for (const type of rule.types) {
    const usable = addresses
      .filter((address) => address.type === type)
      .flatMap(({ address }) => canonicalAddress(address) ?? [])
      .filter((address) => isForwardable(address) && !rule.forbidden(address))
    for (const family of rule.families) {
      const found = usable.find((address) => familyOf(address) === family)
      if (found !== undefined) return found
    }
  }
  return undefined
}
