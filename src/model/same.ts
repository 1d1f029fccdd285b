import type { Frontend, HealthCheck } from './table.ts'

/** Whether two frontends of one key, and so of the same hosts, lead on alike, targets aside. */
export function sameSettings(a: Frontend, b: Frontend): boolean {
  return (
    a.proxyProtocol === b.proxyProtocol &&
    a.balance === b.balance &&
    sameCheck(a.healthCheck, b.healthCheck) &&
    a.affinityMs === b.affinityMs &&
    a.idleTimeoutMs === b.idleTimeoutMs &&
    a.maxConnections === b.maxConnections &&
    sameTexts(a.sourceRanges, b.sourceRanges)
  )
}

function sameCheck(a: HealthCheck | undefined, b: HealthCheck | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return (
    a.kind === b.kind &&
    a.port === b.port &&
    a.intervalMs === b.intervalMs &&
    a.timeoutMs === b.timeoutMs &&
    a.rise === b.rise &&
    a.fall === b.fall
  )
}

export function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index])
}
