import type { Abilities } from '../../../model/driver.ts'
import type { Program } from '../common/accept.ts'
import { isSince } from '../common/version.ts'

const ALL: Abilities = {
  proxyProtocol: ['off'],
  balance: ['round-robin', 'least-connections', 'source', 'random'],
  // Only nginx Plus asks targets for their health. A target that refuses connections is passed over for a while.
  healthCheck: [],
  checkPort: false,
  checkThresholds: false,
  affinityTimeout: false,
  drain: true,
  sourceRanges: true,
  hosts: true,
  maxConnections: true,
  idleTimeout: true,
}

/** Since this version, nginx sends PROXY headers of version 2 (ngx_stream_proxy_module). */
const V2_SINCE = [1, 31, 4]

/**
 * What nginx of a version does. It sends no PROXY headers in datagrams (nginx/nginx#1733), and a reload ends what belongs together in UDP, so that
 * nothing can be drained there.
 */
export function nginxProgram(version: string): Program {
  const v2 = isSince(version, V2_SINCE)
  return {
    title: `nginx ${version}`,
    capabilities: {
      TCP: { ...ALL, proxyProtocol: v2 ? ['off', 'v1', 'v2'] : ['off', 'v1'] },
      UDP: { ...ALL, drain: false, hosts: false },
    },
  }
}
