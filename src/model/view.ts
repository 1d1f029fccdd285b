/** What the status page shows of an operator: plain data, as it goes to the browser. No secret is in it, and nothing that changes while nothing happens. */
export interface View {
  readonly cluster: string
  /** The gravest first: of proxies, of the configuration, of Services. At most `MOST_TROUBLES`. */
  readonly troubles: readonly TroubleView[]
  /** How many there are, shown or not. */
  readonly troubleCount: number
  readonly classes: readonly ClassView[]
  readonly frontends: readonly FrontendView[]
  readonly groups: readonly GroupView[]
  readonly nodes: readonly NodeView[]
  /** The newest first. */
  readonly changes: readonly ChangeView[]
}

/** A cluster with a proxy away has one problem for each Service; nobody reads thousands. */
export const MOST_TROUBLES = 300

export interface TroubleView {
  /** `Service team-a/web`, `proxy edge-1` */
  readonly about: string
  readonly code: string
  readonly message: string
  readonly remedy: string
}

export interface ClassView {
  readonly name: string
  readonly default: boolean
  readonly pools: readonly PoolView[]
  readonly proxies: readonly ProxyView[]
}

export interface PoolView {
  readonly name: string
  readonly ranges: readonly string[]
  readonly used: number
  /** As decimal texts: an IPv6 range has more than a JSON number can say. */
  readonly free: string
  readonly total: string
  /** All addresses of a small pool, of a large one those in use: the first `MOST_CELLS`. */
  readonly addresses: readonly AddressView[]
  readonly isWhole: boolean
}

export const MOST_CELLS = 256

export interface AddressView {
  readonly address: string
  /** How many Services and frontends of the configuration have it; 0: it is free. */
  readonly users: number
}

export interface ProxyView {
  readonly name: string
  /** `caddy https://10.1.0.100:2021`, without a password. */
  readonly endpoint: string
  readonly state: 'reachable' | 'unreachable' | 'troubled'
  readonly frontends: number | undefined
  readonly refused: number
  readonly pending: number
}

/** `changing`: served, but not yet as it is wanted now. `waiting`: it was given no address. */
export type FrontendState = 'served' | 'changing' | 'in part' | 'not served' | 'unknown' | 'waiting'

/** One line of the list: a frontend, or a Service that waits for an address. */
export interface FrontendView {
  /** Unlike any other, and the same from view to view. */
  readonly id: string
  readonly className: string
  /** `203.0.113.10:443`; undefined: it has none. */
  readonly socket: string | undefined
  readonly protocol: string
  readonly hosts: readonly string[]
  /** `namespace/name`; undefined: the configuration asks for it. */
  readonly service: string | undefined
  readonly state: FrontendState
  /** Each proxy that shall have it. */
  readonly on: readonly { readonly proxy: string; readonly state: FrontendState }[]
  /** Index into `groups`; undefined: it leads nowhere. */
  readonly group: number | undefined
  readonly targetPort: number | undefined
  /** What is not as usual: `PROXY v2`, `balance source`. */
  readonly settings: readonly string[]
  /** Since when its Service is said to be served (RFC 3339). */
  readonly since: string | undefined
  /** The first problem of its Service. */
  readonly trouble: Pick<TroubleView, 'code' | 'message' | 'remedy'> | undefined
}

export interface GroupView {
  readonly targets: readonly TargetView[]
}

export interface TargetView {
  /** Of a node or a pod. */
  readonly name: string
  readonly address: string
  readonly port?: number
  readonly draining?: 'cordoned' | 'leaving'
}

export interface NodeView {
  readonly name: string
  readonly state: 'ready' | 'not ready' | 'cordoned' | 'leaving'
  readonly addresses: readonly string[]
  /** How many frontends lead to it. */
  readonly frontends: number
}

/** One write to a proxy. */
export interface ChangeView {
  readonly id: number
  /** RFC 3339 */
  readonly at: string
  readonly className: string
  readonly proxy: string
  readonly added: number
  readonly updated: number
  readonly removed: number
  /** As `plan` prints them: `+ tcp/203.0.113.10:443  team-a/web → 3 targets :30443`. */
  readonly lines: readonly string[]
  readonly tookMs: number
  /** Why it was not done; undefined: it was. */
  readonly failure: string | undefined
}

/** What tells a page that there is news, and that the operator lives. */
export interface Pulse {
  /** Of the view; undefined: there is none yet. */
  readonly version: string | undefined
  /** `following`: another replica does the work, and knows. */
  readonly role: 'leading' | 'following' | 'starting'
  /** End of each class's last pass (RFC 3339). */
  readonly passes: readonly { readonly className: string; readonly endedAt: string }[]
  /** What keeps the operator's caches from being current, by resource. */
  readonly troubles: Readonly<Record<string, string>>
}
