import type { Frontend, HealthCheck, Target, TargetGroup } from './table.ts'

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

/** Whether two groups are the same in everything, names and all. */
export function sameGroup(a: TargetGroup, b: TargetGroup): boolean {
  return (
    a.id === b.id &&
    a.targets.length === b.targets.length &&
    a.targets.every((one, at) => sameTarget(one, b.targets[at]))
  )
}

function sameTarget(a: Target, b: Target | undefined): boolean {
  return a.name === b?.name && a.address === b.address && a.port === b.port && a.draining === b.draining
}
