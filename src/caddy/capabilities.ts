import type { Abilities, Capabilities } from '../model/driver.ts'

/** What Caddy does with caddy-l4 v0.1.0 or later. Left out is what is broken there: `least_conn`, `max_connections`, checks on another port. */
const TCP: Abilities = {
  proxyProtocol: ['off', 'v1', 'v2'],
  balance: ['round-robin', 'source', 'random'],
  healthCheck: ['tcp'],
  checkPort: false,
  // `rise` and `fall` came with v0.1.2.
  checkThresholds: false,
  affinityTimeout: false,
  drain: false,
  sourceRanges: true,
  hosts: true,
  maxConnections: false,
  idleTimeout: false,
}

export const CADDY_CAPABILITIES = {
  TCP,
  // A PROXY header in front of every datagram.
  UDP: { ...TCP, proxyProtocol: ['off', 'v2'], healthCheck: [], hosts: false, idleTimeout: true },
} satisfies Capabilities
