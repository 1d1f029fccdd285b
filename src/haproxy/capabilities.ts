import type { Capabilities } from '../model/driver.ts'

/** What HAProxy does since 2.6. Its community edition forwards no UDP (haproxy/haproxy#62). */
export const HAPROXY_CAPABILITIES: Capabilities = {
  TCP: {
    proxyProtocol: ['off', 'v1', 'v2'],
    balance: ['round-robin', 'least-connections', 'source', 'random'],
    healthCheck: ['tcp', 'http'],
    checkPort: true,
    checkThresholds: true,
    affinityTimeout: true,
    drain: true,
    sourceRanges: true,
    hosts: true,
    maxConnections: true,
    idleTimeout: true,
  },
  UDP: undefined,
}
