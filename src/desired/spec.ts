import type { EndpointSliceObject, NodeObject, ServiceMeta, ServiceObject } from '../kube/objects.ts'
import type { AddressRange } from '../model/address.ts'
import type { Protocol } from '../model/table.ts'
import type { NodeAddressType } from './annotation-values.ts'
import type { Pool } from './pools.ts'

/** What the desired state of a class depends on beside the cluster. */
export interface ClassSpec {
  readonly name: string
  readonly pools: readonly Pool[]
  /** Whether an address that has left every pool is taken from its Service; otherwise it is kept until the Service goes. */
  readonly evict: boolean
  readonly rules: ClassRules
  /** Annotation values by name without prefix. */
  readonly defaults: Readonly<Record<string, string>>
  readonly addressTypes: readonly NodeAddressType[]
  readonly nodeSelector: string
  /** At most so many nodes in a group, 0: all. */
  readonly maxTargets: number
  /** Where pod addresses must lie to be targets; empty: no pod may be one. */
  readonly podRanges: readonly AddressRange[]
  /** Addresses that may never be a target. */
  readonly forbidden: (address: string) => boolean
  /** Frontends without a Service, from the configuration. */
  readonly fixed: readonly FixedFrontend[]
}

/** What a class gives to whom. */
export interface ClassRules {
  /** Never given. */
  readonly deniedPorts: ReadonlySet<number>
  /** Given to Services of these namespaces only, by port. */
  readonly reservedPorts: ReadonlyMap<number, readonly string[]>
  /** Server names, or `*.` before one, given to Services of these namespaces only. */
  readonly reservedHosts: ReadonlyMap<string, readonly string[]>
  /** Most frontends of a namespace; `*` for those not named. */
  readonly quota: ReadonlyMap<string, number>
}

/** A frontend that the configuration asks for: served first, on addresses that no Service takes from it. */
export interface FixedFrontend {
  readonly name: string
  /** Canonical, at least one. */
  readonly addresses: readonly string[]
  readonly port: number
  readonly protocol: Protocol
  readonly targetPort: number
  readonly targets: FixedTargets
  readonly sourceRanges: readonly string[]
  /** Annotation values by name without prefix. The class's defaults, which are for Services, do not hold here. */
  readonly settings: Readonly<Record<string, string>>
}

export type FixedTargets =
  /** Nodes that a label selector chooses, those that Kubernetes excludes from load balancers too: a control plane is. */
  | { readonly kind: 'nodes'; readonly selector: string }
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  /** Ready endpoints of a Service, as `default/kubernetes`; their own ports when the slices tell them. */
  | { readonly kind: 'service'; readonly namespace: string; readonly name: string }

/** A Service by its name, whether it is in the caches or not. */
export type ServiceId = Pick<ServiceMeta, 'namespace' | 'name'>

export interface ClusterState {
  readonly services: readonly ServiceObject[]
  readonly nodes: readonly NodeObject[]
  readonly slicesOf: (service: ServiceId) => readonly EndpointSliceObject[]
}
