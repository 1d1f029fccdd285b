import { canonicalAddress, isPort } from '../model/address.ts'
import { CHECK_DEFAULTS } from '../model/checks.ts'
import { parseDuration } from '../model/duration.ts'
import { fieldOf, isObject } from '../model/json.ts'
import type { Balance, HealthCheck } from '../model/table.ts'
import type { OldFrontend, OldTarget, Remarks } from './old.ts'
import { sortTargets } from './targets.ts'

/** What a `proxy` handler says of a frontend. */
export type ProxySettings = Pick<OldFrontend, 'targets' | 'proxyProtocol' | 'balance' | 'healthCheck'>

const KEYS = new Set(['handler', '@id', 'upstreams', 'proxy_protocol', 'load_balancing', 'health_checks'])

/** Reads caddy-l4's `proxy` handler; undefined where it leads to nothing that can be carried over. */
export function readProxyHandler(at: string, handler: unknown, remarks: Remarks): ProxySettings | undefined {
  for (const key of isObject(handler) ? Object.keys(handler) : []) {
    if (!KEYS.has(key)) remarks.add(at, `\`${key}\` is not carried over`)
  }
  const found = fieldOf(handler, 'upstreams')
  const upstreams: readonly unknown[] = Array.isArray(found) ? found : []
  const targets = upstreams.flatMap((upstream) => readUpstream(at, upstream, remarks))
  if (targets.length === 0) {
    remarks.add(at, 'has no upstream that is an address and a port, and is left out')
    return undefined
  }
  const proxyProtocol = fieldOf(handler, 'proxy_protocol')
  return {
    targets: sortTargets(targets),
    proxyProtocol: proxyProtocol === 'v1' || proxyProtocol === 'v2' ? proxyProtocol : 'off',
    balance: readPolicy(at, fieldOf(handler, 'load_balancing'), remarks),
    healthCheck: readCheck(at, fieldOf(fieldOf(handler, 'health_checks'), 'active'), remarks),
  }
}

function readUpstream(at: string, upstream: unknown, remarks: Remarks): readonly OldTarget[] {
  for (const key of isObject(upstream) ? Object.keys(upstream) : []) {
    if (key !== 'dial') remarks.add(at, `\`${key}\` of an upstream is not carried over`)
  }
  const dial = fieldOf(upstream, 'dial')
  const texts = Array.isArray(dial) ? dial.filter((one: unknown) => typeof one === 'string') : []
  if (texts.length > 1) {
    remarks.add(
      at,
      'one upstream with several `dial` addresses sends each connection to all of them; carried over as targets to choose from',
    )
  }
  return texts.flatMap((text) => {
    const [, host = '', port = ''] = /^(?:(?:tcp|udp)[46]?\/)?\[?([^\]]*?)\]?:(\d{1,5})$/.exec(text) ?? []
    const address = canonicalAddress(host)
    if (address !== undefined && isPort(Number(port))) return [{ address, port: Number(port) }]
    remarks.add(at, `upstream ${text} is no address with a port, and is left out`)
    return []
  })
}

/** Where nothing is said, caddy-l4 chooses at random. */
const POLICIES: Readonly<Record<string, Balance>> = { round_robin: 'round-robin', random: 'random', ip_hash: 'source' }

function readPolicy(at: string, balancing: unknown, remarks: Remarks): Balance {
  const policy = fieldOf(fieldOf(balancing, 'selection'), 'policy') ?? 'random'
  const balance = typeof policy === 'string' && Object.hasOwn(POLICIES, policy) ? POLICIES[policy] : undefined
  if (balance === undefined) remarks.add(at, `policy ${JSON.stringify(policy)} is carried over as round-robin`)
  return balance ?? 'round-robin'
}

function readCheck(at: string, active: unknown, remarks: Remarks): HealthCheck | undefined {
  if (active === undefined) return undefined
  if (fieldOf(active, 'port') !== undefined) {
    remarks.add(at, 'checks on another port are not carried over: of a Service, Fairway finds the right one itself')
    return undefined
  }
  const count = (key: string, other: number) => {
    const value = fieldOf(active, key)
    return typeof value === 'number' ? value : other
  }
  return {
    kind: 'tcp',
    port: undefined,
    intervalMs: readTime(fieldOf(active, 'interval')) ?? 30_000,
    timeoutMs: readTime(fieldOf(active, 'timeout')) ?? 5_000,
    rise: count('rise', CHECK_DEFAULTS.rise),
    fall: count('fall', CHECK_DEFAULTS.fall),
    derived: false,
  }
}

/** Caddy's times: whole nanoseconds, or `5s`. Undefined for anything else. */
export function readTime(value: unknown): number | undefined {
  if (typeof value === 'number' && value >= 1_000_000) return Math.round(value / 1_000_000)
  return typeof value === 'string' ? parseDuration(value) : undefined
}
