import { sourcesAt } from '../../haproxy/sources.ts'
import { familyOf } from '../../model/address.ts'
import { type ListenMap, socketOf } from '../../model/listen.ts'
import { serverKey } from '../../model/server-names.ts'
import type { Owner } from '../../model/table.ts'
import type { Route } from './backends.ts'
import { defaultsName } from './names.ts'
import { markOf } from './routes.ts'
import { metadataOf, type Section } from './sections.ts'

export interface FrontendContext {
  readonly owner: Owner
  readonly listen: ListenMap
}

/** How long a client that says nothing is waited for, where the hosts of its greeting decide. */
const HELLO_PATIENCE_MS = 5_000

/** Renders what listens on one address and port, whose frontends are the routes. */
export function renderSocket({ owner, listen }: FrontendContext, routes: readonly [Route, ...Route[]]): Section {
  const [first] = routes
  const { address, port } = socketOf(listen, first.frontend)
  const sorted = routes.toSorted((a, b) => compareHosts(a.frontend.hosts, b.frontend.hosts))
  const bind = { name: 'fairway', address, port, ...(familyOf(address) === 'IPv6' ? { v6only: true } : {}) }
  const shared = isShared(routes)
  return {
    name: serverKey(owner, first.frontend),
    from: defaultsName(owner),
    mode: 'tcp',
    metadata: metadataOf({ uid: owner.uid, routes: sorted.map(markOf) }),
    binds: { [bind.name]: bind },
    ...withoutEmpty(shared ? renderShared(sorted, address) : renderAlone(first, address)),
  }
}

/** Whether hosts tell the frontends of a socket apart. */
export function isShared(routes: readonly Pick<Route, 'frontend'>[]): boolean {
  return routes.length > 1 || routes.some(({ frontend }) => frontend.hosts.length > 0)
}

/** Those with hosts come first. */
function compareHosts(a: readonly string[], b: readonly string[]): number {
  if ((a.length === 0) !== (b.length === 0)) return a.length === 0 ? 1 : -1
  return a.join() < b.join() ? -1 : 1
}

/** The API leaves lists without entries out. */
function withoutEmpty(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !Array.isArray(value) || value.length > 0))
}

type Rules = 'connection' | 'content'

function rule(type: Rules, action: object, cond?: 'if' | 'unless', test?: string): object {
  return { type, ...action, ...(test === undefined ? {} : { cond, cond_test: test }) }
}

const REJECT = { action: 'reject' }

/** One frontend has the socket: its clients are judged when they connect. */
function renderAlone(route: Route, address: string): Readonly<Record<string, unknown>> {
  const { maxConnections, idleTimeoutMs } = route.frontend
  const sources = sourcesAt(address, route.frontend.sourceRanges)
  return {
    // Until a target is connected; from then on the backend's tunnel timeout holds for both sides.
    ...(idleTimeoutMs === undefined ? {} : { client_timeout: idleTimeoutMs }),
    acl_list: (sources ?? []).map((range) => acl('from', 'src', range)),
    tcp_request_rule_list: [
      ...(sources === undefined
        ? []
        : [sources.length === 0 ? rule('connection', REJECT) : rule('connection', REJECT, 'unless', 'from')]),
      ...(maxConnections === undefined ? [] : [rule('connection', REJECT, 'if', `{ fe_conn gt ${maxConnections} }`)]),
      ...portRule(route, 'connection', ''),
    ],
    backend_switching_rule_list: fallbackRule(route, ''),
    default_backend: route.to,
  }
}

/**
 * Several frontends share the socket: the server name that a client greets with decides (RFC 6066, section 3). Rules are read in order, and an
 * `accept` ends them, so that those of the frontend without hosts, which come last, hold for everybody else.
 */
function renderShared(routes: readonly Route[], address: string): Readonly<Record<string, unknown>> {
  const hosted = routes.filter(({ frontend }) => frontend.hosts.length > 0)
  const rest = routes.find(({ frontend }) => frontend.hosts.length === 0)
  const parts = hosted.map((route, place) => ({ route, to: `to.${place}`, from: `from.${place}` }))
  return {
    acl_list: [
      ...parts.flatMap(({ route, to, from }) => [...hostAcls(route, to), ...rangeAcls(route, address, from)]),
      ...(rest === undefined ? [] : rangeAcls(rest, address, 'from')),
    ],
    tcp_request_rule_list: [
      { type: 'inspect-delay', timeout: HELLO_PATIENCE_MS },
      // The condition is what waits for the whole greeting; it fails at once for what is no TLS.
      rule('content', setVar('name', 'req.ssl_sni,lower'), 'if', '{ req.ssl_hello_type 1 }'),
      // All but the first label: what a wildcard is compared with.
      rule('content', setVar('parent', 'var(txn.name),field(2,.,0)'), 'unless', '{ var(txn.name) -m beg . }'),
      ...parts.flatMap(({ route, to, from }) => [
        ...contentRules(route, address, from, `${to} `),
        rule('content', { action: 'accept' }, 'if', to),
      ]),
      ...(rest === undefined ? [rule('content', REJECT)] : contentRules(rest, address, 'from', '')),
    ],
    backend_switching_rule_list: [
      ...parts.flatMap(({ route, to }) => [
        ...fallbackRule(route, `${to} `),
        { name: route.to, cond: 'if', cond_test: to },
      ]),
      ...(rest === undefined ? [] : fallbackRule(rest, '')),
    ],
    ...(rest === undefined ? {} : { default_backend: rest.to }),
  }
}

function acl(name: string, criterion: string, value: string): object {
  return { acl_name: name, criterion, value }
}

function setVar(name: string, expr: string): object {
  return { action: 'set-var', var_scope: 'txn', var_name: name, expr }
}

function hostAcls({ frontend }: Route, to: string): readonly object[] {
  return frontend.hosts.map((host) =>
    host.startsWith('*.')
      ? acl(to, 'var(txn.parent)', `-m str ${host.slice(2)}`)
      : acl(to, 'var(txn.name)', `-m str ${host}`),
  )
}

function rangeAcls({ frontend }: Route, address: string, from: string): readonly object[] {
  return (sourcesAt(address, frontend.sourceRanges) ?? []).map((range) => acl(from, 'src', range))
}

/** Rules for the clients for whom the condition `to` holds; an empty one holds for all. */
function contentRules(route: Route, address: string, from: string, to: string): readonly object[] {
  const { maxConnections } = route.frontend
  const sources = sourcesAt(address, route.frontend.sourceRanges)
  const ways = route.fallback === undefined ? [route.to] : [route.to, route.fallback]
  return [
    ...(sources === undefined ? [] : [rejectIf(`${to}${sources.length === 0 ? '' : `!${from}`}`)]),
    ...(maxConnections === undefined
      ? []
      : ways.map((name) => rule('content', REJECT, 'if', `${to}{ be_conn(${name}) ge ${maxConnections} }`))),
    ...portRule(route, 'content', to),
  ]
}

function rejectIf(condition: string): object {
  return condition === '' ? rule('content', REJECT) : rule('content', REJECT, 'if', condition.trim())
}

/** Servers of a backend that frontends share take the port that the client would have asked for. */
function portRule({ port, frontend }: Route, rules: Rules, to: string): readonly object[] {
  if (port !== undefined) return []
  const action = { action: 'set-dst-port', expr: `int(${frontend.targetPort})` }
  return [to === '' ? rule(rules, action) : rule(rules, action, 'if', to.trim())]
}

function fallbackRule({ to, fallback }: Route, condition: string): readonly object[] {
  if (fallback === undefined) return []
  return [{ name: fallback, cond: 'if', cond_test: `${condition}{ nbsrv(${to}) eq 0 }` }]
}
