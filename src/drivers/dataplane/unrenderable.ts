import { findBadField, findBadTarget } from '../../caddy/unrenderable.ts'
import type { Problem } from '../../model/problems.ts'
import { type Frontend, frontendKey, type Target } from '../../model/table.ts'
import { DATAPLANE_CAPABILITIES } from './capabilities.ts'

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
  return findBadTarget(proxy, frontend, targets) ?? findBadField(proxy, frontend) ?? findLack(proxy, frontend)
}

function findLack(proxy: string, frontend: Omit<Frontend, 'group'>): Problem | undefined {
  const lack = lackOf(frontend)
  if (lack === undefined) return undefined
  const message = `${frontendKey(frontend)} asks for ${lack}, which proxy ${proxy} cannot do`
  return { code: 'Unsupported', kind: 'unsupported', message, remedy: 'Remove the annotation, or use another class' }
}

/** What HAProxy has no words for. */
function lackOf({ protocol, healthCheck, ...frontend }: Omit<Frontend, 'group'>): string | undefined {
  if (DATAPLANE_CAPABILITIES[protocol] === undefined) return protocol
  const { affinityMs, idleTimeoutMs, maxConnections } = frontend
  const { intervalMs, timeoutMs, rise, fall } = healthCheck ?? {}
  const counts = [affinityMs, idleTimeoutMs, maxConnections, intervalMs, timeoutMs, rise, fall]
  const wrong = counts.find((value) => value !== undefined && !isCount(value))
  return wrong === undefined ? undefined : `a time or a number of ${wrong}`
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= LONGEST_MS
}
