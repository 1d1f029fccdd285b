import { CHECK_DEFAULTS } from '../model/checks.ts'
import type { Problem } from '../model/problems.ts'
import type { Frontend, HealthCheck, Target } from '../model/table.ts'
import { findFault } from '../model/well-formed.ts'
import { isDuration } from './durations.ts'
import { POLICIES } from './handlers.ts'

/**
 * What in a frontend must not or cannot reach Caddy. It expands placeholders like `{env.HOME}` in every string, and targets come from objects that
 * users write: only canonical addresses, numbers, and names of plain letters get through.
 */
export function findUnrenderable(
  proxy: string,
  frontend: Omit<Frontend, 'group'>,
  targets: readonly Target[],
): Problem | undefined {
  return findFault(proxy, frontend, targets, lackOf)
}

/** What Caddy has no words for. */
function lackOf(frontend: Omit<Frontend, 'group'>): string | undefined {
  const { protocol, proxyProtocol, balance, healthCheck, idleTimeoutMs } = frontend
  if (!Object.hasOwn(POLICIES, balance)) return `balance ${balance}`
  if (protocol === 'UDP' && proxyProtocol === 'v1') return 'PROXY protocol v1 on UDP'
  if (protocol === 'UDP' && frontend.hosts.length > 0) return 'hosts (SNI) on UDP'
  if (protocol === 'TCP' && idleTimeoutMs !== undefined) return 'an idle timeout on TCP'
  if (idleTimeoutMs !== undefined && !isDuration(idleTimeoutMs)) return `an idle timeout of ${idleTimeoutMs} ms`
  if (frontend.maxConnections !== undefined) return 'max-connections'
  if (frontend.affinityMs !== undefined) return 'a time of affinity'
  return healthCheck === undefined ? undefined : checkLackOf(healthCheck, protocol)
}

function checkLackOf({ kind, port, intervalMs, timeoutMs, rise, fall }: HealthCheck, protocol: Frontend['protocol']) {
  if (kind !== 'tcp') return `health-check ${kind}`
  if (protocol === 'UDP') return `health-check ${kind} on UDP`
  if (port !== undefined) return `health-check on port ${port}`
  if (!isDuration(intervalMs) || !isDuration(timeoutMs)) return `a health-check every ${intervalMs} for ${timeoutMs} ms`
  const isPlain = rise === CHECK_DEFAULTS.rise && fall === CHECK_DEFAULTS.fall
  return isPlain ? undefined : 'health-check-rise or health-check-fall'
}
