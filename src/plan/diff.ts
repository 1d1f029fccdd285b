import type { Change, Observed, Plan, Sibling } from '../model/driver.ts'
import { sameSettings, sameTexts } from '../model/same.ts'
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
 * Removals come first, then updates, then additions: no client of a socket is wanted by two at any moment, for proxies that take changes one by one.
 * A frontend whose hosts change has another key, so it goes and comes. Strays go before all of it.
 */
export function diffTables(
  observed: Observed,
  desired: Table,
  keep: ReadonlySet<FrontendKey> = new Set(),
  strays: readonly Sibling[] = [],
): Plan {
  const { pairs, gone, come } = matchFrontends(observed.table.frontends, desired.frontends)
  const sameTargets = compareGroups(observed.table.groups, desired.groups)
  const updates = pairs.flatMap(([before, after]): Change | readonly [] => {
    const same = (before === after || sameSettings(before, after)) && sameTargets(before, after)
    if (same && observed.drifted.size === 0) return []
    const key = frontendKey(after)
    return same && !observed.drifted.has(key) ? [] : { kind: 'update', key, before, after }
  })
  const wanted = observed.drifted.size === 0 ? new Set() : keysOf(desired)
  const leftovers = [...observed.drifted].filter((key) => !wanted.has(key) && !gone.has(key))
  const removals = [...gone.keys(), ...leftovers].filter((key) => !keep.has(key))
  const changes: readonly Change[] = [
    ...removals.map((key) => ({ kind: 'remove' as const, key, before: gone.get(key) })),
    ...updates,
    ...Array.from(come, ([key, after]) => ({ kind: 'add' as const, key, after })),
  ]
  return { observed, table: desired, changes, keep, strays }
}

interface Matched {
  readonly pairs: readonly (readonly [before: Frontend, after: Frontend])[]
  readonly gone: ReadonlyMap<FrontendKey, Frontend>
  readonly come: ReadonlyMap<FrontendKey, Frontend>
}

/** Finds what is in two lists by key. Both are sorted, so keys need to be made up only where the lists differ. */
function matchFrontends(olds: readonly Frontend[], news: readonly Frontend[]): Matched {
  const pairs: (readonly [Frontend, Frontend])[] = []
  const gone = new Map<FrontendKey, Frontend>()
  const come = new Map<FrontendKey, Frontend>()
  let at = 0
  for (const after of news) {
    let before = olds[at]
    while (before !== undefined && !hasSameKey(before, after) && frontendKey(before) < frontendKey(after)) {
      gone.set(frontendKey(before), before)
      before = olds[++at]
    }
    if (before !== undefined && hasSameKey(before, after)) {
      pairs.push([before, after])
      at++
    } else come.set(frontendKey(after), after)
  }
  for (const before of olds.slice(at)) gone.set(frontendKey(before), before)
  // A list that is not sorted costs time, and nothing else.
  for (const [key, after] of come) {
    const before = gone.get(key)
    if (before === undefined) continue
    pairs.push([before, after])
    gone.delete(key)
    come.delete(key)
  }
  return { pairs, gone, come }
}

/** Whether two frontends have the same key, without making it up. */
function hasSameKey(a: Frontend, b: Frontend): boolean {
  if (a === b) return true
  return a.port === b.port && a.address === b.address && a.protocol === b.protocol && sameTexts(a.hosts, b.hosts)
}

/**
 * Compares the targets of frontends by content: group ids differ between what we build and what a proxy gives back. Each pair of groups is
 * compared once, however many frontends share it, unless targets have ports of their own.
 */
function compareGroups(
  before: readonly TargetGroup[],
  after: readonly TargetGroup[],
): (a: Frontend, b: Frontend) => boolean {
  const olds = new Map(before.map(({ id, targets }) => [id, targets]))
  const news = new Map(after.map(({ id, targets }) => [id, targets]))
  const known = new Map<readonly Target[], Map<readonly Target[], Likeness>>()
  return (a, b) => {
    const old = olds.get(a.group) ?? NOBODY
    const next = news.get(b.group) ?? NOBODY
    const compared = known.get(old) ?? new Map<readonly Target[], Likeness>()
    const likeness = compared.get(next) ?? compareTargets(old, next)
    known.set(old, compared.set(next, likeness))
    switch (likeness) {
      case 'different':
        return false
      case 'by port':
        return a.targetPort === b.targetPort || old.length === 0
      case 'look closer':
        return samePorts(old, a.targetPort, next, b.targetPort)
    }
    return likeness satisfies never
  }
}

const NOBODY: readonly Target[] = []

/** `by port`: the same where the frontends' target ports are; `look closer`: some targets have ports of their own. */
type Likeness = 'different' | 'by port' | 'look closer'

function compareTargets(a: readonly Target[], b: readonly Target[]): Likeness {
  if (a !== b && !(a.length === b.length && a.every((target, index) => isSameTarget(target, b[index])))) {
    return 'different'
  }
  return a.some(hasOwnPort) || b.some(hasOwnPort) ? 'look closer' : 'by port'
}

function hasOwnPort({ port }: Target): boolean {
  return port !== undefined
}

/** Ports aside. */
function isSameTarget(a: Target, b: Target | undefined): boolean {
  return a.address === b?.address && (a.draining === undefined) === (b.draining === undefined)
}

function samePorts(a: readonly Target[], portA: number, b: readonly Target[], portB: number): boolean {
  return a.every((target, index) => (target.port ?? portA) === (b[index]?.port ?? portB))
}

/** The keys of a table's frontends. */
export function keysOf(table: Table): ReadonlySet<FrontendKey> {
  return new Set(table.frontends.map(frontendKey))
}
