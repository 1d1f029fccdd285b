import { createHash } from 'node:crypto'
import { hostPort } from '../../../model/address.ts'
import { withoutDraining } from '../../../model/draining.ts'
import { durationText } from '../../../model/duration.ts'
import type { Protocol, ProxyProtocol, Target } from '../../../model/table.ts'
import type { EngineState } from '../engine.ts'
import type { Route, Socket } from './blueprint.ts'
import { block, type Part } from './parts.ts'
import { BALANCES, PROXY_PROTOCOLS } from './words.ts'

/** nginx compares each name with all others, from their beginnings: those that begin alike take three times as long at 5,000 frontends. */
export function upstreamName(id: string): string {
  return `${createHash('sha256').update(id).digest('hex').slice(0, 8)}.fairway.${id}`
}

/** Targets that get new connections. */
export function usable({ frontend: { protocol, group } }: Route, groups: EngineState['groups']): readonly Target[] {
  const found = groups.get(group) ?? { id: group, targets: [] }
  // Flows of UDP do not outlive a reload, so there is nothing to wait for.
  if (protocol === 'UDP') return withoutDraining(found).targets
  return found.targets.filter(({ draining }) => draining === undefined)
}

/** Where a frontend leads; nothing where it has no targets, since nginx wants one. The zone lets all workers know who is busy and who fails. */
export function renderUpstream({ id, frontend }: Route, targets: readonly Target[]): readonly Part[] {
  if (targets.length === 0) return []
  const { balance, targetPort } = frontend
  const lines = [
    `zone ${upstreamName(id)} ${64 + 2 * targets.length}k;`,
    ...BALANCES[balance],
    ...targets.map(({ address, port }) => `server ${hostPort(address, port ?? targetPort)} fail_timeout=5s;`),
  ]
  return [block([id], `upstream ${upstreamName(id)}`, lines)]
}

/** Renders a socket that one frontend has alone. */
export function renderSocket(
  { address, port, protocol, routes, ...manner }: Socket,
  served: ReadonlySet<string>,
): Part {
  const [route] = routes
  const { id = '', frontend } = route ?? {}
  const sources = frontend?.sourceRanges ?? []
  const lines = [
    listenLine(protocol, address, port),
    ...(sources.length === 0 ? ['allow all;'] : [...sources.map((range) => `allow ${range};`), 'deny all;']),
    ...limitLines(id, frontend?.maxConnections),
    'ssl_preread off;',
    ...passLines(protocol, manner, served.has(id) ? upstreamName(id) : undefined),
  ]
  return serverPart(id, frontend?.maxConnections, lines)
}

/**
 * Keepalives end connections whose other side is gone. Each worker has a socket of its own for UDP: only so, all datagrams of a client come to the
 * same one (ngx_stream_core_module, `listen`).
 */
export function listenLine(protocol: Protocol, address: string, port: number): string {
  return `listen ${hostPort(address, port)} ${protocol === 'UDP' ? 'udp reuseport' : 'so_keepalive=120s::'};`
}

/** A server, with the memory that its limit counts in. */
export function serverPart(id: string, maxConnections: number | undefined, lines: readonly string[]): Part {
  const server = block([id], 'server', lines)
  if (maxConnections === undefined) return server
  return {
    owners: [id],
    lines: [`limit_conn_zone ${upstreamName(id)} zone=${upstreamName(id)}.count:32k;`, ...server.lines],
  }
}

/** What has a server count its connections, in the memory that `serverPart` gives it. */
export function limitLines(id: string, maxConnections: number | undefined): readonly string[] {
  if (maxConnections === undefined) return []
  return [`limit_conn ${upstreamName(id)}.count ${maxConnections};`, 'limit_conn_log_level info;']
}

/**
 * Two for each connection. With nginx's own 16k a long transfer costs a quarter more processor time (npm run bench -- data-path); pages of a buffer that nothing
 * is read into take no memory.
 */
const BUFFER = 'proxy_buffer_size 64k;'

/** What the server of ours does with connections. All of it is said, so that what the administrator's `stream` block says does not hold. */
export function passLines(
  protocol: Protocol,
  { proxyProtocol, idleMs }: { readonly proxyProtocol: ProxyProtocol; readonly idleMs: number },
  to: string | undefined,
): readonly string[] {
  if (to === undefined) return ['return "";']
  return [
    `proxy_pass ${to};`,
    `proxy_timeout ${durationText(idleMs)};`,
    'proxy_connect_timeout 5s;',
    'proxy_next_upstream_timeout 10s;',
    ...(protocol === 'UDP' ? [] : ['proxy_socket_keepalive on;', 'proxy_half_close on;', BUFFER]),
    `proxy_protocol ${PROXY_PROTOCOLS[proxyProtocol]};`,
  ]
}
