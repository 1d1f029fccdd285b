import { canonicalAddress, hostPort } from '../model/address.ts'
import { CHECK_DEFAULTS } from '../model/checks.ts'
import { durationText } from '../model/duration.ts'
import {
  type Balance,
  compareText,
  type Frontend,
  type HealthCheck,
  type ProxyProtocol,
  type Served,
  type Target,
} from '../model/table.ts'
import { readDuration } from './durations.ts'
import type { HandlerJson, ProxyHandlerJson } from './shape.ts'

/** What a handler says of its frontend. */
export interface Routing extends Pick<Frontend, 'targetPort' | 'proxyProtocol' | 'balance' | 'healthCheck'> {
  readonly targets: readonly Target[]
}

interface Dial {
  readonly address: string
  readonly port: number
}

/** Balances that Caddy can do. `least_conn` counts connections that it never takes off again, `random_choose` can crash it. */
export const POLICIES: Readonly<Partial<Record<Balance, ProxyHandlerJson['load_balancing']['selection']['policy']>>> = {
  'round-robin': 'round_robin',
  random: 'random',
  source: 'ip_hash',
}

const BALANCES: readonly Balance[] = ['round-robin', 'random', 'source']
const PROXY_PROTOCOLS: readonly ProxyProtocol[] = ['off', 'v1', 'v2']

/** A client waits so long for a target that answers; targets are tried anew at this interval. */
const TRY = { try_duration: '3s', try_interval: '250ms' } as const

/**
 * A target that refused three connections within three seconds is passed over for the rest of them. No longer than a client waits: when all
 * targets come back, as after a restart of the pods, those who wait are served.
 */
const PASSIVE = { fail_duration: '3s', max_fails: 3 } as const

/** Renders what serves a frontend. One upstream for each target: several addresses in one `dial` would each get a copy of the traffic. */
export function renderHandler(mark: string, { frontend, targets }: Served): HandlerJson {
  if (targets.length === 0) return { handler: 'close', '@id': noteOf(mark, frontend) }
  const { balance, healthCheck, proxyProtocol, protocol } = frontend
  const policy = POLICIES[balance]
  if (policy === undefined) throw new TypeError(`no policy for balance ${balance}`)
  const network = protocol === 'UDP' ? 'udp/' : ''
  const sorted = targets.toSorted(
    (a, b) => compareText(a.address, b.address) || portOf(frontend, a) - portOf(frontend, b),
  )
  return {
    handler: 'proxy',
    ...(sorted.every((target) => portOf(frontend, target) === frontend.targetPort)
      ? {}
      : { '@id': noteOf(mark, frontend) }),
    upstreams: sorted.map((target) => ({ dial: [network + hostPort(target.address, portOf(frontend, target))] })),
    ...(proxyProtocol === 'off' ? {} : { proxy_protocol: proxyProtocol }),
    load_balancing: { selection: { policy }, ...TRY },
    health_checks: {
      passive: { ...PASSIVE },
      ...(healthCheck === undefined ? {} : { active: renderCheck(healthCheck) }),
    },
  }
}

/** Reads a handler back; undefined where it is none that `renderHandler` would write. */
export function readHandler(mark: string, handler: HandlerJson): Routing | undefined {
  const note = handler['@id'] === undefined ? undefined : readNote(mark, handler['@id'])
  if (handler.handler === 'close') return note === undefined ? undefined : { ...note, targets: [] }
  const dials = handler.upstreams.map(({ dial }) => readDial(dial[0]))
  const [first] = dials
  if (first === undefined || !dials.every((dial) => dial !== undefined)) return undefined
  const policy = handler.load_balancing.selection.policy
  const targetPort = note?.targetPort ?? first.port
  return {
    targetPort,
    proxyProtocol: handler.proxy_protocol ?? 'off',
    balance: BALANCES.find((one) => POLICIES[one] === policy) ?? 'round-robin',
    healthCheck: readCheck(handler.health_checks.active),
    targets: dials.map(({ address, port }) => ({ name: address, address, ...(port === targetPort ? {} : { port }) })),
  }
}

type CheckJson = NonNullable<ProxyHandlerJson['health_checks']['active']>

/** Connects to the target's own port. A `port` of its own would redirect the traffic itself (mholt/caddy-l4#458). */
function renderCheck({ intervalMs, timeoutMs }: HealthCheck): CheckJson {
  return { interval: durationText(intervalMs), timeout: durationText(timeoutMs) }
}

function readCheck(json: CheckJson | undefined): HealthCheck | undefined {
  if (json === undefined) return undefined
  const { rise, fall } = CHECK_DEFAULTS
  const times = { intervalMs: readDuration(json.interval), timeoutMs: readDuration(json.timeout) }
  return { kind: 'tcp', port: undefined, ...times, rise, fall, derived: false }
}

/**
 * What the handler does not say by itself, so that reading back gives what was written: the settings of a frontend without targets, and the port
 * that only some targets have. An `@id` is the one place where Caddy takes any text and gives it back; no two may be alike, hence the mark.
 */
function noteOf(mark: string, { targetPort, proxyProtocol, balance, healthCheck }: Served['frontend']): string {
  return [mark, 'to', targetPort, proxyProtocol, balance, checkText(healthCheck)].join('.')
}

/** Reads what `noteOf` wrote. */
function readNote(mark: string, text: string): Omit<Routing, 'targets'> | undefined {
  if (!text.startsWith(`${mark}.to.`)) return undefined
  const [port, ...words] = text.slice(`${mark}.to.`.length).split('.')
  const proxyProtocol = PROXY_PROTOCOLS.find((one) => one === words[0])
  const balance = BALANCES.find((one) => one === words[1])
  const [kind, interval = durationText(CHECK_DEFAULTS.intervalMs), timeout = durationText(CHECK_DEFAULTS.timeoutMs)] =
    words[2]?.split('-') ?? []
  if (proxyProtocol === undefined || balance === undefined || !(kind === 'tcp' || kind === 'off')) return undefined
  const healthCheck = readCheck(kind === 'off' ? undefined : { interval, timeout })
  return { targetPort: Number(port), proxyProtocol, balance, healthCheck }
}

/** `off`, `tcp` with the default times, `tcp-10s-500ms` with others. */
function checkText(check: HealthCheck | undefined): string {
  if (check === undefined) return 'off'
  const { intervalMs, timeoutMs } = CHECK_DEFAULTS
  if (check.intervalMs === intervalMs && check.timeoutMs === timeoutMs) return check.kind
  const { interval, timeout } = renderCheck(check)
  return [check.kind, interval, timeout].join('-')
}

function portOf(frontend: Pick<Frontend, 'targetPort'>, target: Target): number {
  return target.port ?? frontend.targetPort
}

function readDial(text: string): Dial | undefined {
  const match = /^(?:udp\/)?(?:\[([0-9a-f:]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text)
  const address = canonicalAddress(match?.[1] ?? match?.[2] ?? '')
  return address === undefined ? undefined : { address, port: Number(match?.[3]) }
}
