import type { Abilities } from '../../../model/driver.ts'
import type { Program } from '../common/accept.ts'

const TCP: Abilities = {
  proxyProtocol: ['off', 'v1', 'v2'],
  balance: ['round-robin', 'least-connections', 'source', 'random'],
  healthCheck: ['tcp', 'http'],
  checkPort: true,
  checkThresholds: true,
  // By hash: Envoy keeps no table of clients.
  affinityTimeout: false,
  drain: true,
  sourceRanges: true,
  hosts: true,
  maxConnections: true,
  idleTimeout: true,
}

/** What Envoy does. Datagrams bear no PROXY header, and no names that tell frontends apart; a TCP check would ask a port that nobody serves. */
export const ENVOY: Program = {
  title: 'Envoy',
  capabilities: { TCP, UDP: { ...TCP, proxyProtocol: ['off'], healthCheck: ['http'], hosts: false } },
}
