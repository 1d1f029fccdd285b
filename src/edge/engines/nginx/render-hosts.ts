import type { Route, Socket } from './blueprint.ts'
import { block, type Part } from './parts.ts'
import { closedPath, innerPath } from './paths.ts'
import { limitLines, listenLine, passLines, serverPart, upstreamName } from './render-socket.ts'

/** How long a client that says nothing is waited for, where the hosts of its greeting decide. */
const HELLO_PATIENCE = '5s'

/** Words that `map` takes for settings of its own. */
const MAP_WORDS: ReadonlySet<string> = new Set(['default', 'hostnames', 'include', 'volatile'])

/**
 * Renders a socket that several frontends share: the server name that a client greets with decides (RFC 6066, section 3). Exact names go before
 * wildcards, and who has no hosts gets everybody else. `served` are ids of those that have targets.
 */
export function renderHosts(socket: Socket, served: ReadonlySet<string>, socketDir: string): readonly Part[] {
  const { address, port, protocol, routes, proxyProtocol, idleMs } = socket
  const suffix = `${address.replaceAll(/[.:]/g, '_')}_${port}`
  const ends = routes.map((route, place) => renderEnd(route, `${suffix}_${place}`, served, socketDir))
  const owners = routes.map(({ id }) => id)
  const rest = ends.find(({ route }) => route.frontend.hosts.length === 0)?.value ?? `unix:${closedPath(socketDir)}`
  const named = ends.flatMap(({ route, value }) => [...new Set(route.frontend.hosts)].map((host) => ({ host, value })))
  const wild = named.filter(({ host }) => host.startsWith('*.'))
  return [
    ...ends.flatMap(({ parts }) => parts),
    block(owners, `map $fairway_parent $fairway_below_${suffix}`, [
      ...wild.map(({ host, value }) => mapLine(host.slice(2), value)),
      `default ${rest};`,
    ]),
    block(owners, `map $ssl_preread_server_name $fairway_to_${suffix}`, [
      ...named.filter((one) => !wild.includes(one)).map(({ host, value }) => mapLine(host, value)),
      `default $fairway_below_${suffix};`,
    ]),
    block(owners, 'server', [
      listenLine(protocol, address, port),
      'allow all;',
      'ssl_preread on;',
      `preread_timeout ${HELLO_PATIENCE};`,
      ...passLines(protocol, { proxyProtocol, idleMs }, `$fairway_to_${suffix}`),
    ]),
  ]
}

function mapLine(host: string, value: string): string {
  return `${MAP_WORDS.has(host) ? '\\' : ''}${host} ${value};`
}

interface End {
  readonly route: Route
  /** Of a map: where `proxy_pass` leads. */
  readonly value: string
  readonly parts: readonly Part[]
}

/** Where the connections of a route end, and what has to be there for that. */
function renderEnd(route: Route, suffix: string, served: ReadonlySet<string>, socketDir: string): End {
  const { id, way, frontend } = route
  const closed = `unix:${closedPath(socketDir)}`
  if (!served.has(id)) return { route, value: closed, parts: [] }
  const path = way === 'direct' ? undefined : innerPath(socketDir, way.socket)
  const inner = path === undefined ? [] : [renderInner(route, path)]
  const value = path === undefined ? upstreamName(id) : `unix:${path}`
  if (frontend.sourceRanges.length === 0) return { route, value, parts: inner }
  const lines = [`default ${closed};`, ...frontend.sourceRanges.map((range) => `${range} ${value};`)]
  const sources = block([id], `geo $fairway_from_${suffix}`, lines)
  return { route, value: `$fairway_from_${suffix}`, parts: [...inner, sources] }
}

/** One more server, of one frontend. It passes on the PROXY header that it gets first, or learns the client from it and leaves it out. */
function renderInner({ id, frontend, idleMs }: Route, path: string): Part {
  const { protocol, proxyProtocol, maxConnections } = frontend
  const reads = proxyProtocol === 'off'
  return serverPart(id, maxConnections, [
    `listen unix:${path}${reads ? ' proxy_protocol' : ''};`,
    ...(reads ? ['set_real_ip_from unix:;'] : []),
    'allow all;',
    ...limitLines(id, maxConnections),
    'ssl_preread off;',
    ...passLines(protocol, { proxyProtocol: 'off', idleMs }, upstreamName(id)),
  ])
}
