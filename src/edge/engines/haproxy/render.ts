import { createHash } from 'node:crypto'
import { durationText } from '../../../model/duration.ts'
import type { HealthCheck } from '../../../model/table.ts'
import type { Blueprint, CheckBackend, TargetBackend } from './blueprint.ts'
import { renderSocket } from './render-socket.ts'
import { type Section, sectionsText } from './sections.ts'
import { fullWeight, type Servers, serverName, serverWords } from './servers.ts'
import { BALANCES, PROXY_PROTOCOLS } from './words.ts'

/** Its one server bears the shape as its name, so that a running HAProxy tells which configuration it runs. */
export const SHAPE_BACKEND = 'fairway.shape'

/** Idle connections end after this time where nobody says otherwise. */
const DEFAULT_IDLE_MS = 3_600_000

export interface Rendered {
  readonly text: string
  /** Names all that needs a reload to change: two files of one shape differ in their servers' addresses and weights only. */
  readonly shape: string
  readonly sections: readonly Section[]
}

export interface RenderOptions {
  readonly masterSocket: string
  readonly hardStopAfterMs?: number | undefined
}

/**
 * Settings of our own for every section of ours, so that the administrator's defaults do not reach them. A target that refuses a connection is
 * passed over at once; keepalives end connections whose other side is gone.
 */
const DEFAULTS: readonly string[] = [
  'mode tcp',
  'timeout connect 5s',
  `timeout client ${durationText(DEFAULT_IDLE_MS)}`,
  ...idleTimeouts(DEFAULT_IDLE_MS),
  'retries 3',
  'option redispatch 1',
  'option clitcpka',
  'clitcpka-idle 120s',
  'option srvtcpka',
  'srvtcpka-idle 120s',
]

/** Renders the whole of our file. `servers` are by the names of their backends. */
export function renderConfig(
  blueprint: Blueprint,
  servers: ReadonlyMap<string, Servers>,
  options: RenderOptions,
): Rendered {
  const head = headSections(blueprint, options)
  const users = usersOf(blueprint)
  const empty = new Map([...servers].map(([name, list]) => [name, list.map(() => undefined)]))
  const headText = sectionsText(head)
  const shape = createHash('sha256')
    .update(headText)
    .update(sectionsText(backendSections(blueprint, users, empty)))
    .digest('hex')
    .slice(0, 16)
  const marker = {
    owners: [],
    head: `backend ${SHAPE_BACKEND} from fairway`,
    lines: [`server ${shape} 192.0.2.1:1 disabled`],
  }
  const rest = [...backendSections(blueprint, users, servers), marker]
  return { text: headText + sectionsText(rest), shape, sections: [...head, ...rest] }
}

/** What comes before the backends: no runtime command changes any of it. */
function headSections(blueprint: Blueprint, { masterSocket, hardStopAfterMs }: RenderOptions): readonly Section[] {
  const global = { owners: [], head: 'global', lines: [`hard-stop-after ${durationText(hardStopAfterMs ?? 0)}`] }
  return [
    { owners: [], head: '# Written by fairway edge, which overwrites what is edited here.', lines: [] },
    ...(hardStopAfterMs === undefined ? [] : [global]),
    { owners: [], head: 'defaults fairway', lines: DEFAULTS },
    ...(blueprint.sockets.length === 0 ? [idleSection(masterSocket)] : []),
    ...blueprint.sockets.map(renderSocket),
  ]
}

function backendSections(
  { checks, backends }: Blueprint,
  users: ReadonlyMap<string, readonly string[]>,
  servers: ReadonlyMap<string, Servers>,
): readonly Section[] {
  const section = (name: string, lines: readonly string[]): Section => {
    return { owners: users.get(name) ?? [], head: `backend ${name} from fairway`, lines }
  }
  const serversOf = (name: string) => servers.get(name) ?? []
  return [
    ...[...checks.values()].map((one) => section(one.name, checkLines(one, serversOf(one.name)))),
    ...[...backends.values()].map((one) => section(one.name, targetLines(one, serversOf(one.name)))),
  ]
}

/**
 * HAProxy does not start when nothing listens. Where it made the socket of its master, it may make another one. None in the abstract namespace:
 * such sockets cannot be paused, so a reload that fails would end the worker (2.6).
 */
function idleSection(masterSocket: string): Section {
  const lines = [`bind unix@${masterSocket}.idle mode 600`, 'tcp-request connection reject']
  return { owners: [], head: 'frontend fairway.idle from fairway', lines }
}

/** Which frontends a backend is there for, by its name. */
function usersOf({ sockets }: Blueprint): ReadonlyMap<string, readonly string[]> {
  const users = new Map<string, string[]>()
  for (const { id, backend, fallback } of sockets.flatMap(({ routes }) => routes)) {
    for (const name of [backend.name, backend.tracks, fallback?.name]) {
      if (name === undefined) continue
      const ids = users.get(name)
      if (ids === undefined) users.set(name, [id])
      else ids.push(id)
    }
  }
  return users
}

/** What goes up and down is logged here only, once for all servers that track it. `timeout check` begins when a check is connected. */
function checkLines({ check, port, proxyProtocol }: CheckBackend, servers: Servers): readonly string[] {
  const words = checkWords(check, PROXY_PROTOCOLS[proxyProtocol])
  return [
    'log global',
    `timeout connect ${durationText(check.timeoutMs)}`,
    `timeout check ${durationText(check.timeoutMs)}`,
    ...(check.kind === 'http' ? ['option httpchk GET /healthz', 'http-check expect status 200'] : []),
    ...servers.map((server, slot) => `server ${serverName(slot)} ${serverWords(server, { port, weight: 1 })} ${words}`),
  ]
}

function checkWords({ intervalMs, rise, fall }: HealthCheck, header: string): string {
  const words = `check inter ${durationText(intervalMs)} rise ${rise} fall ${fall}`
  return header === '' ? words : `${words} ${header} check-send-proxy`
}

function targetLines(backend: TargetBackend, servers: Servers): readonly string[] {
  const { port, balance, proxyProtocol, affinityMs, idleTimeoutMs, tracks } = backend
  const empty = { port, weight: fullWeight(backend) }
  const header = PROXY_PROTOCOLS[proxyProtocol]
  return [
    ...BALANCES[balance],
    ...(affinityMs === undefined ? [] : stickLines(affinityMs)),
    ...(idleTimeoutMs === undefined ? [] : idleTimeouts(idleTimeoutMs)),
    ...servers.map((server, slot) => {
      const name = serverName(slot)
      const words = [`server ${name} ${serverWords(server, empty)}`, header]
      return [...words, ...(tracks === undefined ? [] : [`track ${tracks}/${name}`])].filter(Boolean).join(' ')
    }),
  ]
}

/** The type `ipv6` holds clients of both families. A full table forgets those who were away longest. */
function stickLines(affinityMs: number): readonly string[] {
  return [`stick-table type ipv6 size 200k expire ${durationText(affinityMs)}`, 'stick on src']
}

/** Once both sides are connected, `tunnel` stands for the timeouts of both. */
function idleTimeouts(ms: number): readonly string[] {
  return [`timeout server ${durationText(ms)}`, `timeout tunnel ${durationText(ms)}`]
}
