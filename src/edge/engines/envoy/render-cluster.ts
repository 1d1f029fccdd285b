import type { Balance, HealthCheck, Target } from '../../../model/table.ts'
import { type Cluster, portOf } from './blueprint.ts'
import { BUFFER_BYTES, durationText, type Message, TYPES, typed } from './types.ts'

const UNLIMITED = 4_294_967_295

/**
 * Points that each target has in the ring of a consistent hash: shares differ by a tenth. As the ring grows with the targets, one that comes or goes moves
 * none of the other's clients.
 */
const POINTS = 100

/** Targets are in the cluster itself: each file of endpoints would need an inotify instance, of which a user has 128, and Envoy ends at the next. */
export function renderCluster(cluster: Cluster, targets: readonly Target[]): Message {
  const { name, check, maxSessions } = cluster
  const limit = {
    max_connections: maxSessions ?? UNLIMITED,
    max_pending_requests: UNLIMITED,
    max_requests: UNLIMITED,
    max_retries: UNLIMITED,
  }
  return {
    '@type': TYPES.cluster,
    name,
    // Statistics of thousands of clusters would be most of Envoy's memory, and the most of the time that it takes to tell how far it is.
    alt_stat_name: 'fairway',
    type: 'STATIC',
    connect_timeout: '5s',
    per_connection_buffer_limit_bytes: BUFFER_BYTES,
    upstream_connection_options: { tcp_keepalive: { keepalive_time: 120 } },
    circuit_breakers: { thresholds: [limit] },
    ...balanceOf(cluster, targets),
    // Below so many percent of healthy targets, all get connections: one that nobody asked for never closes a frontend (decision 8).
    common_lb_config: { healthy_panic_threshold: { value: check?.derived === true ? 1 : 0 } },
    ...(check === undefined ? {} : { health_checks: [renderCheck(check, needsPlain(cluster))] }),
    ...socketsOf(cluster),
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: targets.map((target) => renderEndpoint(cluster, target)) }],
    },
  }
}

function renderEndpoint(cluster: Cluster, target: Target): Message {
  const { port } = cluster.check ?? {}
  return {
    endpoint: {
      address: { socket_address: { address: target.address, port_value: portOf(cluster, target) } },
      ...(port === undefined ? {} : { health_check_config: { port_value: port } }),
    },
    ...(target.draining === undefined ? {} : { health_status: 'DRAINING' }),
  }
}

const POLICIES: Readonly<Record<Balance, string>> = {
  'round-robin': 'ROUND_ROBIN',
  'least-connections': 'LEAST_REQUEST',
  source: 'RING_HASH',
  random: 'RANDOM',
}

function balanceOf({ balance }: Cluster, targets: readonly Target[]): Message {
  if (balance === 'least-connections') {
    // All are compared; by itself Envoy compares two that it draws.
    const least = typed('envoy.load_balancing_policies.least_request', TYPES.leastRequest, {
      selection_method: 'FULL_SCAN',
    })
    return { load_balancing_policy: { policies: [{ typed_extension_config: least }] } }
  }
  const policy = { lb_policy: POLICIES[balance] }
  if (balance !== 'source') return policy
  const size = POINTS * Math.max(1, targets.filter(({ draining }) => draining === undefined).length)
  return { ...policy, ring_hash_lb_config: { minimum_ring_size: size, maximum_ring_size: Math.max(size, 65_536) } }
}

/** Where traffic begins with a PROXY header and the check asks another port, that expects none. */
function needsPlain({ proxyProtocol, check }: Cluster): boolean {
  return proxyProtocol !== 'off' && check?.port !== undefined
}

const PLAIN = {
  name: 'plain',
  match: { plain: true },
  transport_socket: typed('envoy.transport_sockets.raw_buffer', TYPES.plain),
}

function socketsOf(cluster: Cluster): Message {
  const { proxyProtocol } = cluster
  if (proxyProtocol === 'off') return {}
  const fields = { config: { version: proxyProtocol.toUpperCase() }, transport_socket: PLAIN.transport_socket }
  return {
    transport_socket: typed('envoy.transport_sockets.upstream_proxy_protocol', TYPES.proxyHeader, fields),
    ...(needsPlain(cluster) ? { transport_socket_matches: [PLAIN] } : {}),
  }
}

/** Of what comes back with another status than 200, `fall` in a row count as well. Checks of many clusters are spread by their jitter. */
function renderCheck({ kind, intervalMs, timeoutMs, rise, fall }: HealthCheck, plain: boolean): Message {
  const interval = durationText(intervalMs)
  const http = {
    path: '/healthz',
    host: 'fairway',
    expected_statuses: [{ start: 200, end: 201 }],
    retriable_statuses: [
      { start: 100, end: 200 },
      { start: 201, end: 600 },
    ],
  }
  return {
    timeout: durationText(timeoutMs),
    interval,
    interval_jitter_percent: 10,
    no_traffic_interval: interval,
    no_traffic_healthy_interval: interval,
    healthy_threshold: rise,
    unhealthy_threshold: fall,
    ...(plain ? { transport_socket_match_criteria: PLAIN.match } : {}),
    ...(kind === 'http' ? { http_health_check: http } : { tcp_health_check: {} }),
  }
}
