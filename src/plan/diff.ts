import type { Change, Observed, Plan } from '../model/driver.ts'
import {
  type Frontend,
  type FrontendKey,
  frontendKey,
  type Table,
  type Target,
  type TargetGroup,
} from '../model/table.ts'

/**
 * The difference between what a proxy has and what it shall have.
 *
 * | observed   | desired   | result                            |
 * | ---------- | --------- | --------------------------------- |
 * | –          | frontend  | add                               |
 * | frontend   | the same  | nothing, unless it drifted: update|
 * | frontend   | different | update                            |
 * | frontend   | –         | remove                            |
 * | drifted    | –         | remove                            |
 * | any        | –, kept   | nothing                           |
 *
 * Removals come first, then updates, then additions: no socket is wanted by two at any moment, for proxies that take changes one by one.
 */
export function diffTables(observed: Observed, desired: Table, keep: ReadonlySet<FrontendKey> = new Set()): Plan {
  const before = new Map(observed.table.frontends.map((frontend) => [frontendKey(frontend), frontend]))
  const after = new Map(desired.frontends.map((frontend) => [frontendKey(frontend), frontend]))
  const sameTargets = compareGroups(observed.table.groups, desired.groups)
  const removals: Change[] = []
  const updates: Change[] = []
  const additions: Change[] = []
  for (const key of new Set([...before.keys(), ...observed.drifted])) {
    if (!after.has(key) && !keep.has(key)) removals.push({ kind: 'remove', key, before: before.get(key) })
  }
  for (const [key, wanted] of after) {
    const had = before.get(key)
    if (had === undefined) additions.push({ kind: 'add', key, after: wanted })
    else if (observed.drifted.has(key) || !sameSettings(had, wanted) || !sameTargets(had, wanted)) {
      updates.push({ kind: 'update', key, before: had, after: wanted })
    }
  }
  return { observed, table: desired, changes: [...removals, ...updates, ...additions], keep }
}

/** Whether two frontends of one key lead on alike, targets aside. */
function sameSettings(a: Frontend, b: Frontend): boolean {
  return (
    a.proxyProtocol === b.proxyProtocol &&
    a.balance === b.balance &&
    a.healthCheck === b.healthCheck &&
    a.idleTimeoutMs === b.idleTimeoutMs &&
    a.maxConnections === b.maxConnections &&
    sameTexts(a.sourceRanges, b.sourceRanges) &&
    sameTexts(a.hosts, b.hosts)
  )
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index])
}

/**
 * Compares the targets of frontends by content: group ids differ between what we build and what a proxy gives back. Each pair of groups is
 * compared once, however many frontends share it.
 */
function compareGroups(
  before: readonly TargetGroup[],
  after: readonly TargetGroup[],
): (a: Frontend, b: Frontend) => boolean {
  const olds = new Map(before.map((group) => [group.id, group.targets]))
  const news = new Map(after.map((group) => [group.id, group.targets]))
  const known = new Map<string, boolean>()
  return (a, b) => {
    const pair = `${a.group}\n${a.targetPort}\n${b.group}\n${b.targetPort}`
    const cached = known.get(pair)
    if (cached !== undefined) return cached
    const same = sameList(olds.get(a.group) ?? [], a.targetPort, news.get(b.group) ?? [], b.targetPort)
    known.set(pair, same)
    return same
  }
}

function sameList(a: readonly Target[], portA: number, b: readonly Target[], portB: number): boolean {
  return (
    a.length === b.length &&
    a.every((target, index) => {
      const other = b[index]
      return target.address === other?.address && (target.port ?? portA) === (other.port ?? portB)
    })
  )
}

/** The keys of a table's frontends. */
export function keysOf(table: Table): ReadonlySet<FrontendKey> {
  return new Set(table.frontends.map(frontendKey))
}
