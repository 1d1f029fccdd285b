import { hostPort } from './address.ts'

export const PROTOCOLS = ['TCP', 'UDP'] as const
export type Protocol = (typeof PROTOCOLS)[number]
export type ProxyProtocol = 'off' | 'v1' | 'v2'
export type Balance = 'round-robin' | 'least-connections' | 'source' | 'random'
export type CheckKind = 'tcp' | 'http'

/** Who may touch what: `cluster/class` are DNS labels, `uid` is the UID of the cluster's kube-system namespace. */
export interface Owner {
  readonly cluster: string
  readonly className: string
  readonly uid: string
}

export interface ServiceRef {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

export interface Target {
  /** Node or pod name, for people. A proxy need not keep it, and it takes no part in comparisons. */
  readonly name: string
  /** Canonical address. */
  readonly address: string
  /** Only where it differs from the frontend's `targetPort` (pods with named ports). */
  readonly port?: number
  /** To be given no new connections while those that it has go on: its node is cordoned, or about to leave. */
  readonly draining?: 'cordoned' | 'leaving'
}

/** How a proxy finds out which targets answer. */
export interface HealthCheck {
  /** `tcp` connects; `http` asks for `/healthz` and wants status 200. */
  readonly kind: CheckKind
  /** Port that is checked on each target; undefined: the one that traffic goes to. */
  readonly port: number | undefined
  readonly intervalMs: number
  readonly timeoutMs: number
  /** Successes in a row that bring a target back. */
  readonly rise: number
  /** Failures in a row that take a target out. */
  readonly fall: number
  /** Nobody asked for it: a proxy that cannot do it serves without. Takes no part in comparisons. */
  readonly derived: boolean
}

/** Targets that many frontends share. Sorted by address; `id` is stable while the members change. */
export interface TargetGroup {
  readonly id: string
  readonly targets: readonly Target[]
}

/** What a proxy listens on, and where it leads. */
export interface Frontend {
  /** Published address, canonical. A proxy behind NAT may bind another one (`listen` in its configuration). */
  readonly address: string
  readonly port: number
  readonly protocol: Protocol
  /** Id of a group of the same table. */
  readonly group: string
  readonly targetPort: number
  readonly proxyProtocol: ProxyProtocol
  readonly balance: Balance
  /** Undefined: none. */
  readonly healthCheck: HealthCheck | undefined
  /** With balance `source`: how long a client that is away finds its target again; undefined: the proxy's own way. */
  readonly affinityMs: number | undefined
  /** Undefined: the proxy's own default. */
  readonly idleTimeoutMs: number | undefined
  /** Undefined: no limit. */
  readonly maxConnections: number | undefined
  /** CIDRs whose clients are served, sorted; empty: everyone. */
  readonly sourceRanges: readonly string[]
  /** Server names (SNI) that tell Services on one address and port apart, sorted; empty: all. */
  readonly hosts: readonly string[]
  /** Undefined where it was read back from a proxy, or is fixed in the configuration. Takes no part in comparisons. */
  readonly service: ServiceRef | undefined
}

/** A frontend with its targets in place of its group's name: what is rendered, and what is read back. */
export interface Served {
  readonly frontend: Omit<Frontend, 'group'>
  readonly targets: readonly Target[]
}

/** All that one cluster wants of one class: frontends sorted by key, groups sorted by id. A value: never edited in place. */
export interface Table {
  readonly frontends: readonly Frontend[]
  readonly groups: readonly TargetGroup[]
}

export const EMPTY_TABLE: Table = { frontends: [], groups: [] }

/** `tcp/203.0.113.10:443`: one socket of a proxy, on which several frontends may be told apart by their hosts. */
export type SocketKey = string

export function socketKey(frontend: Pick<Frontend, 'address' | 'port' | 'protocol'>): SocketKey {
  return `${frontend.protocol.toLowerCase()}/${hostPort(frontend.address, frontend.port)}`
}

/** `tcp/203.0.113.10:443`, or with hosts `tcp/203.0.113.10:443#a.example,*.b.example`: names a frontend on a proxy. */
export type FrontendKey = string

export function frontendKey(frontend: Pick<Frontend, 'address' | 'port' | 'protocol' | 'hosts'>): FrontendKey {
  const socket = socketKey(frontend)
  return frontend.hosts.length === 0 ? socket : `${socket}#${frontend.hosts.join(',')}`
}

export function keysOf({ frontends }: Pick<Table, 'frontends'>): ReadonlySet<FrontendKey> {
  return new Set(frontends.map(frontendKey))
}

/** What a key says of who is in whose way. */
export function splitKey(key: FrontendKey): { readonly socket: SocketKey; readonly hosts: readonly string[] } {
  const [socket = '', hosts] = key.split('#')
  return { socket, hosts: hosts === undefined ? [] : hosts.split(',') }
}

/** `namespace/name`, as kubectl users write it. */
export function serviceName(service: Pick<ServiceRef, 'namespace' | 'name'>): string {
  return `${service.namespace}/${service.name}`
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Builds a table in its one canonical order, so that equal content is equal byte for byte. Groups that no frontend uses are left out. */
export function makeTable(frontends: Iterable<Frontend>, groups: Iterable<TargetGroup>): Table {
  const all = [...frontends]
  const used = new Set(all.map(({ group }) => group))
  return { frontends: sortFrontends(all), groups: sortGroups([...groups].filter(({ id }) => used.has(id))) }
}

/** In the order of their keys, which are not made up for that: frontends of one address differ in little, and there are few addresses. */
export function sortFrontends(frontends: readonly Frontend[]): readonly Frontend[] {
  const places = [...Map.groupBy(frontends, ({ protocol }) => protocol)].flatMap(([protocol, some]) =>
    Array.from(
      Map.groupBy(some, ({ address }) => address),
      ([address, all]) => ({
        socket: socketKey({ address, protocol, port: 0 }),
        all: all.toSorted(compareOnAddress),
      }),
    ),
  )
  return places.toSorted((a, b) => compareText(a.socket, b.socket)).flatMap(({ all }) => all)
}

function compareOnAddress(a: Frontend, b: Frontend): number {
  if (a.port === b.port) return compareText(a.hosts.join(), b.hosts.join())
  return leftAligned(a.port) - leftAligned(b.port) || a.port - b.port
}

/** A number that is to others as its port is, as a text, to theirs: 443 is more than 1000. */
function leftAligned(port: number): number {
  let aligned = port
  while (aligned < 10_000 && aligned > 0) aligned *= 10
  return aligned
}

/** In the order of their ids. */
export function sortGroups(groups: readonly TargetGroup[]): readonly TargetGroup[] {
  return groups.toSorted((a, b) => compareText(a.id, b.id))
}

/** The table without the frontends whose keys are given. */
export function withoutFrontends(table: Table, keys: ReadonlySet<FrontendKey>): Table {
  if (keys.size === 0) return table
  return makeTable(
    table.frontends.filter((frontend) => !keys.has(frontendKey(frontend))),
    table.groups,
  )
}
