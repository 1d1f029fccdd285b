const ENVOY = 'type.googleapis.com/envoy'

/** What Envoy's messages call themselves. */
export const TYPES = {
  cluster: `${ENVOY}.config.cluster.v3.Cluster`,
  listener: `${ENVOY}.config.listener.v3.Listener`,
  connectionLimit: `${ENVOY}.extensions.filters.network.connection_limit.v3.ConnectionLimit`,
  tcpProxy: `${ENVOY}.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
  udpProxy: `${ENVOY}.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig`,
  udpRoute: `${ENVOY}.extensions.filters.udp.udp_proxy.v3.Route`,
  tlsInspector: `${ENVOY}.extensions.filters.listener.tls_inspector.v3.TlsInspector`,
  sourceIp: `${ENVOY}.extensions.matching.common_inputs.network.v3.SourceIPInput`,
  serverName: `${ENVOY}.extensions.matching.common_inputs.network.v3.ServerNameInput`,
  ipMatcher: 'type.googleapis.com/xds.type.matcher.v3.IPMatcher',
  text: 'type.googleapis.com/google.protobuf.StringValue',
  leastRequest: `${ENVOY}.extensions.load_balancing_policies.least_request.v3.LeastRequest`,
  proxyHeader: `${ENVOY}.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport`,
  plain: `${ENVOY}.extensions.transport_sockets.raw_buffer.v3.RawBuffer`,
} as const

/** A message as JSON has it. */
export type Message = Readonly<Record<string, unknown>>

/**
 * What Envoy keeps of a connection whose other side is slow, in each direction. Half of it costs a long transfer a quarter more processor time, and Envoy's own
 * 1 MiB saves none that could be measured (npm run bench -- data-path).
 */
export const BUFFER_BYTES = 131_072

/** A time as JSON has it (google.protobuf.Duration). */
export function durationText(ms: number): string {
  return `${ms / 1000}s`
}

/** What is named and says its type: filters, matchers, actions. Envoy goes by the type. */
export function typed(name: string, type: string, fields: Message = {}): Message {
  return { name, typed_config: { '@type': type, ...fields } }
}
