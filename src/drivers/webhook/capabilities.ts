import type { Capabilities } from '../../model/driver.ts'
import type { ProxyProtocol } from '../../model/table.ts'

/** What a script can do that opens a port and leads it to one server: with one server, each client finds the same one again. */
export function webhookCapabilities(sendProxy: ProxyProtocol): Capabilities {
  return {
    TCP: {
      proxyProtocol: sendProxy === 'off' ? ['off'] : ['off', sendProxy],
      balance: ['round-robin', 'source'],
      healthCheck: [],
      checkPort: false,
      checkThresholds: false,
      affinityTimeout: false,
      drain: false,
      sourceRanges: false,
      hosts: false,
      maxConnections: false,
      idleTimeout: false,
    },
    UDP: undefined,
  }
}
