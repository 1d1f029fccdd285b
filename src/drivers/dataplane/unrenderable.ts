import { HAPROXY_CAPABILITIES } from '../../haproxy/capabilities.ts'
import type { Problem } from '../../model/problems.ts'
import type { Frontend, Target } from '../../model/table.ts'
import { findFault } from '../../model/well-formed.ts'

/** HAProxy compares times as signed 32-bit milliseconds. */
const LONGEST_MS = 2 ** 31 - 1

/**
 * What in a frontend must not or cannot reach HAProxy. Targets, hosts and ranges come from objects that users write: only canonical addresses, numbers, and
 * names of plain letters get through.
 */
export function findUnrenderable(
  proxy: string,
  frontend: Omit<Frontend, 'group'>,
  targets: readonly Target[],
): Problem | undefined {
  return findFault(proxy, frontend, targets, lackOf)
}

/** What HAProxy has no words for. */
function lackOf({ protocol, healthCheck, ...frontend }: Omit<Frontend, 'group'>): string | undefined {
  if (HAPROXY_CAPABILITIES[protocol] === undefined) return protocol
  const { affinityMs, idleTimeoutMs, maxConnections } = frontend
  const { intervalMs, timeoutMs, rise, fall } = healthCheck ?? {}
  const counts = [affinityMs, idleTimeoutMs, maxConnections, intervalMs, timeoutMs, rise, fall]
  const wrong = counts.find((value) => value !== undefined && !isCount(value))
  return wrong === undefined ? undefined : `a time or a number of ${wrong}`
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= LONGEST_MS
}
