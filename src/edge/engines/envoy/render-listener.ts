import type { Frontend } from '../../../model/table.ts'
import { OURS, type Route, type Socket } from './blueprint.ts'
import { matchRoutes } from './render-match.ts'
import { BUFFER_BYTES, durationText, type Message, TYPES, typed } from './types.ts'

/** Idle connections, and sessions of UDP, end after this time where nobody says otherwise. */
const DEFAULT_IDLE_MS = { TCP: 3_600_000, UDP: 60_000 } as const

/** Any datagram that IP carries. */
const LARGEST_DATAGRAM = { max_rx_datagram_size: 65_535 }

/** Of Linux, for every connection that is accepted: SO_KEEPALIVE, and TCP_KEEPIDLE of two minutes. */
const KEEPALIVE = [
  { level: 1, name: 9, int_value: 1 },
  { level: 6, name: 4, int_value: 120 },
]

/** There is no chain and no cluster of that name: such connections are closed, such datagrams dropped. */
const NOBODY = `${OURS}nobody`

/** Renders what is bound on one address and port, as a Listener of Envoy. */
export function renderListener(socket: Socket): Message {
  const { name, address, port } = socket
  const head = {
    '@type': TYPES.listener,
    name,
    stat_prefix: 'fairway',
    per_connection_buffer_limit_bytes: BUFFER_BYTES,
  }
  const place = { address, port_value: port }
  return socket.protocol === 'TCP'
    ? { ...head, address: { socket_address: place }, socket_options: KEEPALIVE, ...tcpParts(socket) }
    : { ...head, address: { socket_address: { ...place, protocol: 'UDP' } }, ...udpParts(socket) }
}

/**
 * Each frontend is a filter chain, which does not say whom it is for: that the matcher does. So neither other frontends on the socket nor changed source
 * ranges end a chain, and with it, sooner or later, its connections.
 */
function tcpParts({ routes }: Socket): Message {
  const shared = routes.some(({ frontend }) => frontend.hosts.length > 0)
  const matched = routes.length > 1 || shared || routes.some(({ frontend }) => frontend.sourceRanges.length > 0)
  const matcher = matchRoutes(routes, ({ id }) => toChain(id), toChain(NOBODY))
  return {
    // Clients that let others speak first, or speak no TLS, get what has no hosts.
    ...(shared
      ? {
          listener_filters: [typed('envoy.filters.listener.tls_inspector', TYPES.tlsInspector)],
          listener_filters_timeout: '5s',
          continue_on_listener_filters_timeout: true,
        }
      : {}),
    filter_chains: routes.map((route) => ({ name: route.id, filters: filtersOf(route) })),
    ...(matched ? { filter_chain_matcher: matcher } : {}),
  }
}

function toChain(value: string): Message {
  return { action: typed('chain', TYPES.text, { value }) }
}

function filtersOf({ frontend, cluster }: Route): readonly Message[] {
  const { maxConnections } = frontend
  const limit = { stat_prefix: 'fairway', max_connections: maxConnections }
  const proxy = {
    stat_prefix: 'fairway',
    cluster: cluster.name,
    idle_timeout: idleText(frontend),
    // One that refuses a connection is passed over at once.
    max_connect_attempts: 4,
    ...(cluster.balance === 'source' ? { hash_policy: [{ source_ip: {} }] } : {}),
  }
  return [
    ...(maxConnections === undefined
      ? []
      : [typed('envoy.filters.network.connection_limit', TYPES.connectionLimit, limit)]),
    typed('envoy.filters.network.tcp_proxy', TYPES.tcpProxy, proxy),
  ]
}

/** Without hosts, nobody shares a socket of UDP. */
function udpParts({ routes }: Socket): Message {
  const [first] = routes
  if (first === undefined) return {}
  const proxy = {
    stat_prefix: 'fairway',
    matcher: matchRoutes([first], ({ cluster }) => toCluster(cluster.name), toCluster(NOBODY)),
    idle_timeout: idleText(first.frontend),
    upstream_socket_config: LARGEST_DATAGRAM,
    ...(first.cluster.balance === 'source' ? { hash_policies: [{ source_ip: true }] } : {}),
  }
  return {
    udp_listener_config: { downstream_socket_config: LARGEST_DATAGRAM },
    listener_filters: [typed('envoy.filters.udp_listener.udp_proxy', TYPES.udpProxy, proxy)],
  }
}

function toCluster(cluster: string): Message {
  return { action: typed('route', TYPES.udpRoute, { cluster }) }
}

function idleText({ protocol, idleTimeoutMs }: Frontend): string {
  return durationText(idleTimeoutMs ?? DEFAULT_IDLE_MS[protocol])
}
