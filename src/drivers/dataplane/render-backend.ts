import type { Balance, ProxyProtocol, Target } from '../../model/table.ts'
import type { CheckBackend, TargetBackend } from './backends.ts'
import { serverName } from './names.ts'
import { metadataOf, type Section } from './sections.ts'

/** What every section of ours bears. */
export interface BackendContext {
  readonly uid: string
  /** Name of the section with our defaults. */
  readonly from: string
}

/** The consistent hash gives a server 16 points for each unit: with 256 of them shares differ by few percent. */
const SOURCE_WEIGHT = 16

/** With `source`, a target that goes moves only its own clients. */
const BALANCES: Readonly<Record<Balance, object>> = {
  'round-robin': { balance: { algorithm: 'roundrobin' } },
  'least-connections': { balance: { algorithm: 'leastconn' } },
  source: {
    balance: { algorithm: 'source' },
    hash_type: { method: 'consistent', function: 'sdbm', modifier: 'avalanche' },
  },
  random: { balance: { algorithm: 'random' } },
}

/** Of a server. */
const HEADERS: Readonly<Record<ProxyProtocol, object>> = {
  off: {},
  v1: { 'send-proxy': 'enabled' },
  v2: { 'send-proxy-v2': 'enabled' },
}

/** Idle connections end after this time where nobody says otherwise. */
const DEFAULT_IDLE_MS = 3_600_000

/**
 * Settings of our own for every section of ours. A target that refuses a connection is passed over at once; keepalives end connections whose other
 * side is gone.
 */
export function renderDefaults({ uid, from }: BackendContext): Section {
  return {
    name: from,
    metadata: metadataOf({ uid }),
    mode: 'tcp',
    connect_timeout: 5_000,
    client_timeout: DEFAULT_IDLE_MS,
    ...idleTimeouts(DEFAULT_IDLE_MS),
    retries: 3,
    redispatch: { enabled: 'enabled', interval: 1 },
    clitcpka: 'enabled',
    clitcpka_idle: 120_000,
    srvtcpka: 'enabled',
    srvtcpka_idle: 120_000,
  }
}

/** What goes up and down is logged here only, once for all servers that track it. `check_timeout` begins when a check is connected. */
export function renderCheckBackend(context: BackendContext, name: string, spec: CheckBackend): Section {
  const { check, port, proxyProtocol, targets } = spec
  const http = {
    adv_check: 'httpchk',
    httpchk_params: { method: 'GET', uri: '/healthz' },
    http_check_list: [{ type: 'expect', match: 'status', pattern: '200' }],
  }
  const words = {
    check: 'enabled',
    inter: check.intervalMs,
    rise: check.rise,
    fall: check.fall,
    ...HEADERS[proxyProtocol],
    ...(proxyProtocol === 'off' ? {} : { 'check-send-proxy': 'enabled' }),
  }
  const portOf = (target: Target) => (check.port === undefined ? (target.port ?? port) : port)
  return {
    ...shell(context, name),
    log_target_list: [{ global: true }],
    connect_timeout: check.timeoutMs,
    check_timeout: check.timeoutMs,
    ...(check.kind === 'http' ? http : {}),
    ...serversOf(targets, (target) => ({ address: target.address, port: portOf(target), ...words })),
  }
}

/** Renders servers that traffic goes to. */
export function renderTargetBackend(context: BackendContext, name: string, spec: TargetBackend): Section {
  const { port, proxyProtocol, balance, affinityMs, idleTimeoutMs, tracks, targets } = spec
  const weight = balance === 'source' ? SOURCE_WEIGHT : 1
  const ids = balance === 'source' ? serverIds(targets) : undefined
  const serverOf = (target: Target) => {
    const id = ids?.get(target)
    const own = port === undefined ? undefined : (target.port ?? port)
    return {
      address: target.address,
      ...(own === undefined ? {} : { port: own }),
      ...(id === undefined ? {} : { id }),
      weight: target.draining === undefined ? weight : 0,
      ...HEADERS[proxyProtocol],
      ...(tracks === undefined ? {} : { track: `${tracks}/${serverName(target.address, target.port)}` }),
    }
  }
  return {
    ...shell(context, name),
    ...BALANCES[balance],
    ...(affinityMs === undefined ? {} : stickOn(affinityMs)),
    ...(idleTimeoutMs === undefined ? {} : idleTimeouts(idleTimeoutMs)),
    ...serversOf(targets, serverOf),
  }
}

function shell({ uid, from }: BackendContext, name: string): Section {
  return { name, from, mode: 'tcp', metadata: metadataOf({ uid }) }
}

function serversOf(targets: readonly Target[], render: (target: Target) => object): object {
  const servers = targets.map((target) => {
    const name = serverName(target.address, target.port)
    return [name, { name, ...render(target) }] as const
  })
  return servers.length === 0 ? {} : { servers: Object.fromEntries(servers) }
}

/** The place of a server in the consistent hash is that of its id: by position, one that goes would move the clients of all behind it. */
function serverIds(targets: readonly Target[]): ReadonlyMap<Target, number> {
  const ids = new Map<Target, number>()
  const given = new Set<number>()
  for (const target of targets) {
    let id = hashOf(serverName(target.address, target.port))
    while (given.has(id)) id++
    given.add(id)
    ids.set(target, id)
  }
  return ids
}

/** FNV-1a, to a positive number of 30 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193)
  return ((hash >>> 0) % 0x3fffffff) + 1
}

/** The type `ipv6` holds clients of both families. A full table forgets those who were away longest. */
function stickOn(affinityMs: number): object {
  return {
    stick_table: { type: 'ipv6', size: 204_800, expire: affinityMs },
    stick_rule_list: [{ type: 'on', pattern: 'src' }],
  }
}

/** Once both sides are connected, `tunnel` stands for the timeouts of both. */
function idleTimeouts(ms: number): object {
  return { server_timeout: ms, tunnel_timeout: ms }
}
