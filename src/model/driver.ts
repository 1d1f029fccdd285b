import type { Holding } from './adoption.ts'
import type { Problem } from './problems.ts'
import {
  type Balance,
  type CheckKind,
  type Frontend,
  type FrontendKey,
  PROTOCOLS,
  type Protocol,
  type ProxyProtocol,
  type Table,
} from './table.ts'

/** What a kind of proxy can do for the frontends of one protocol. */
export interface Abilities {
  /** PROXY protocol versions towards the targets. `off` is always possible. */
  readonly proxyProtocol: readonly ProxyProtocol[]
  readonly balance: readonly Balance[]
  readonly healthCheck: readonly CheckKind[]
  /** Whether a check may ask another port than the one that traffic goes to. */
  readonly checkPort: boolean
  /** Whether `rise` and `fall` of a check can be set. */
  readonly checkThresholds: boolean
  /** Whether the time of a client's affinity can be set. */
  readonly affinityTimeout: boolean
  /**
   * Whether a target can be given no new connections and keep those that it has. Frontends of both protocols share groups: a proxy that can do it
   * for one of them sees to it that the other does without.
   */
  readonly drain: boolean
  readonly sourceRanges: boolean
  readonly hosts: boolean
  readonly maxConnections: boolean
  readonly idleTimeout: boolean
}

/** Of a proxy that can do everything: for those of which nobody knows what they can. */
export const ALL_ABILITIES: Abilities = {
  proxyProtocol: ['off', 'v1', 'v2'],
  balance: ['round-robin', 'least-connections', 'source', 'random'],
  healthCheck: ['tcp', 'http'],
  checkPort: true,
  checkThresholds: true,
  affinityTimeout: true,
  drain: true,
  sourceRanges: true,
  hosts: true,
  maxConnections: true,
  idleTimeout: true,
}

/** What a kind of proxy can do, by protocol; undefined: it does not forward that. A class can do what all its proxies can. */
export type Capabilities = Readonly<Record<Protocol, Abilities | undefined>>

export function protocolsOf(can: Capabilities): readonly Protocol[] {
  return PROTOCOLS.filter((protocol) => can[protocol] !== undefined)
}

/** A socket on the proxy that is not ours. */
export interface Listener {
  /** Undefined: both protocols, or not known. */
  readonly protocol: Protocol | undefined
  /** Canonical address, or a wildcard: `0.0.0.0`, `::`, or `*` for both families. */
  readonly address: string
  readonly firstPort: number
  readonly lastPort: number
  /** Who holds it, as its administrator would look for it: `apps.http.servers.srv0`. */
  readonly holder: string
}

/** An entry on a proxy that this cluster (by name and UID) made for another class. */
export interface Sibling {
  readonly className: string
  readonly key: FrontendKey
}

/** What a proxy has, as read at one moment. */
export interface Observed {
  /** Changes whenever anything that `apply` compares and swaps changes. */
  readonly revision: string
  /** Ours, read back. Keys are of published addresses. */
  readonly table: Table
  /** Ours by its marks, but not as we write it (edited by hand): to be written again, or removed. */
  readonly drifted: ReadonlySet<FrontendKey>
  /** Sockets of others that the proxy tells about. */
  readonly listeners: readonly Listener[]
  readonly siblings: readonly Sibling[]
  /** Of `table`, what the proxy has and does not serve, and why. It serves it as soon as it can, without another write. */
  readonly refused: readonly Refusal[]
  /** What those who own served frontends should know all the same: another owner asks for the same socket. */
  readonly notices: readonly Refusal[]
  /** Why nothing of `table` is known to be served; undefined: all but `refused` is. */
  readonly trouble: Problem | undefined
  readonly capabilities: Capabilities
}

export type Change =
  | { readonly kind: 'add'; readonly key: FrontendKey; readonly after: Frontend }
  | { readonly kind: 'update'; readonly key: FrontendKey; readonly before: Frontend; readonly after: Frontend }
  | { readonly kind: 'remove'; readonly key: FrontendKey; readonly before: Frontend | undefined }

/** From what was observed to what shall be: `changes` is the difference, `table` the whole. Neither changes nor strays: nothing to apply. */
export interface Plan {
  readonly observed: Observed
  readonly table: Table
  readonly changes: readonly Change[]
  /** Frontends of ours that the table lacks and that stay all the same, exactly as the proxy has them. */
  readonly keep: ReadonlySet<FrontendKey>
  /** Siblings to remove with this write: of classes that the configuration has no more, and that no Service accounts for. */
  readonly strays: readonly Sibling[]
}

export interface Refusal {
  readonly key: FrontendKey
  readonly problem: Problem
}

export interface Applied {
  /** Frontends of the plan's table that the proxy does not serve, and why. All others are served, read back from it. */
  readonly refused: readonly Refusal[]
  /** Whether anything was written. */
  readonly wrote: boolean
}

/**
 * How the operator talks to one kind of proxy. Every call is bounded in time and ends early by its signal. What goes wrong is thrown as a
 * FairwayError: transient ones (unreachable, a lost compare-and-swap) are tried again by the next pass. A proxy that keeps no marks has no Adopter.
 */
export interface Driver extends Partial<Adopter> {
  /** What is known before the first contact; undefined: the proxy tells, see `Observed`. */
  readonly capabilities: Capabilities | undefined
  /**
   * For a proxy that does not tell what it has: before each reading, what it may have by what Services hold, and by removals that it has yet to hear
   * of. After a restart of ours nothing else is known of it.
   */
  recall?(keys: ReadonlySet<FrontendKey>): void
  /** Reads what is ours on the proxy, and what others listen on. */
  read(signal: AbortSignal): Promise<Observed>
  /** Brings the proxy to the plan's table by one compare-and-swap write, and verifies it by reading back. */
  apply(plan: Plan, signal: AbortSignal): Promise<Applied>
  /** What of a plan `apply` would leave out, as far as that can be told without writing; absent: only the proxy knows. */
  preview?(plan: Plan, signal: AbortSignal): Promise<readonly Refusal[]>
  close(): Promise<void>
}

/** How what a cluster of our name has left is taken over, see `fairway adopt`. */
export interface Adopter {
  /** Who holds what bears the name of our cluster and class, this cluster included. */
  holdings(signal: AbortSignal): Promise<readonly Holding[]>
  /**
   * Puts our UID in the place of `from` on what bears our name, by one compare-and-swap write that changes nothing else. Writes nothing where nothing
   * bears it. Whether it is done is read back by `holdings`.
   */
  adopt(from: string, signal: AbortSignal): Promise<void>
}
