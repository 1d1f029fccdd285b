import { sourcesAt } from '../../../haproxy/sources.ts'
import { familyOf, hostPort } from '../../../model/address.ts'
import { durationText } from '../../../model/duration.ts'
import type { Route, Socket } from './blueprint.ts'
import type { Section } from './sections.ts'

/** How long a client that says nothing is waited for, where the hosts of its greeting decide. */
const HELLO_PATIENCE = '5s'

/** Renders what listens on one address and port. */
export function renderSocket({ address, port, routes, shared }: Socket): Section {
  const [first] = routes
  const alone = shared ? undefined : first
  // The name of a proxy may hold colons, but no brackets.
  const name = alone === undefined ? `hosts.${address}:${port}` : alone.id
  return {
    owners: routes.map(({ id }) => id),
    head: `frontend fairway.${name} from fairway`,
    lines: [
      `bind ${hostPort(address, port)}${familyOf(address) === 'IPv6' ? ' v6only' : ''}`,
      ...(alone === undefined ? renderShared(routes) : renderAlone(alone)),
    ],
  }
}

/** One frontend has the socket: its clients are judged when they connect. */
function renderAlone(route: Route): readonly string[] {
  const { maxConnections, idleTimeoutMs } = route.frontend
  const sources = sourcesOf(route)
  return [
    // Until a target is connected; from then on the backend's `timeout tunnel` holds for both sides.
    ...(idleTimeoutMs === undefined ? [] : [`timeout client ${durationText(idleTimeoutMs)}`]),
    ...(sources ?? []).map((range) => `acl from src ${range}`),
    ...(sources === undefined ? [] : [`tcp-request connection reject${sources.length === 0 ? '' : ' unless from'}`]),
    ...(maxConnections === undefined ? [] : [`tcp-request connection reject if { fe_conn gt ${maxConnections} }`]),
    ...portRule(route, 'tcp-request connection', ''),
    ...fallbackRule(route, ''),
    `default_backend ${route.backend.name}`,
  ]
}

/**
 * Several frontends share the socket: the server name that a client greets with decides (RFC 6066, section 3). Rules are read in order, and an
 * `accept` ends them, so that those of the frontend without hosts, which come last, hold for everybody else.
 */
function renderShared(routes: readonly Route[]): readonly string[] {
  const hosted = routes.filter(({ frontend }) => frontend.hosts.length > 0)
  const rest = routes.find(({ frontend }) => frontend.hosts.length === 0)
  return [
    `tcp-request inspect-delay ${HELLO_PATIENCE}`,
    // The condition is what waits for the whole greeting; it fails at once for what is no TLS.
    'tcp-request content set-var(txn.name) req.ssl_sni,lower if { req.ssl_hello_type 1 }',
    // All but the first label: what a wildcard is compared with.
    'tcp-request content set-var(txn.parent) var(txn.name),field(2,.,0) unless { var(txn.name) -m beg . }',
    ...hosted.flatMap((route, place) => hostRules(route, place)),
    ...(rest === undefined ? ['tcp-request content reject'] : contentRules(rest, 'from', '')),
    ...hosted.flatMap((route, place) => [
      ...fallbackRule(route, `to.${place} `),
      `use_backend ${route.backend.name} if to.${place}`,
    ]),
    ...(rest === undefined ? [] : [...fallbackRule(rest, ''), `default_backend ${rest.backend.name}`]),
  ]
}

function hostRules(route: Route, place: number): readonly string[] {
  const to = `to.${place}`
  const names = route.frontend.hosts.map((host) =>
    host.startsWith('*.')
      ? `acl ${to} var(txn.parent) -m str ${host.slice(2)}`
      : `acl ${to} var(txn.name) -m str ${host}`,
  )
  return [...names, ...contentRules(route, `from.${place}`, `${to} `), `tcp-request content accept if ${to}`]
}

/** Rules for the clients for whom the condition `to` holds; an empty one holds for all. */
function contentRules(route: Route, from: string, to: string): readonly string[] {
  const { maxConnections } = route.frontend
  const sources = sourcesOf(route)
  const ways = route.fallback === undefined ? [route.backend] : [route.backend, route.fallback]
  return [
    ...(sources ?? []).map((range) => `acl ${from} src ${range}`),
    ...(sources === undefined ? [] : [rejectLine(`${to}${sources.length === 0 ? '' : `!${from}`}`)]),
    ...(maxConnections === undefined
      ? []
      : ways.map(({ name }) => `tcp-request content reject if ${to}{ be_conn(${name}) ge ${maxConnections} }`)),
    ...portRule(route, 'tcp-request content', to),
  ]
}

function rejectLine(condition: string): string {
  return ['tcp-request content reject', ...(condition === '' ? [] : [`if ${condition.trim()}`])].join(' ')
}

function sourcesOf({ bindAddress, frontend }: Route): readonly string[] | undefined {
  return sourcesAt(bindAddress, frontend.sourceRanges)
}

/** Servers of a backend that frontends share take the port that the client would have asked for. */
function portRule({ backend, frontend }: Route, rules: string, to: string): readonly string[] {
  if (backend.port !== undefined) return []
  return [`${rules} set-dst-port int(${frontend.targetPort})${to === '' ? '' : ` if ${to.trim()}`}`]
}

function fallbackRule({ backend, fallback }: Route, to: string): readonly string[] {
  return fallback === undefined ? [] : [`use_backend ${fallback.name} if ${to}{ nbsrv(${backend.name}) eq 0 }`]
}
