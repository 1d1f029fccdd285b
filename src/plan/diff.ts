import type { Change, Observed, Plan, Sibling } from '../model/driver.ts'
import { sameSettings, sameTexts } from '../model/same.ts'
import {
  type Frontend,
  type FrontendKey,
  frontendKey,
  keysOf,
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
  return createDiffer()(observed, desired, keep, strays)
}

type Differ = (observed: Observed, desired: Table, keep: ReadonlySet<FrontendKey>, strays: readonly Sibling[]) => Plan

/** Compares again and again, and no more what it found alike the last time. */
export function createDiffer(): Differ {
  let known: Alike = { befores: [], afters: [] }
  return (observed, desired, keep, strays) => {
    const matched = matchFrontends(observed.table.frontends, desired.frontends, known)
    const { updates, alike } = compareAll(observed, desired, matched, known)
    known = { befores: observed.table.frontends, afters: alike }
    const { gone, come } = matched
    const wanted = observed.drifted.size === 0 ? new Set() : keysOf(desired)
    const leftovers = [...observed.drifted].filter((key) => !wanted.has(key) && !gone.has(key))
    const removals = [...gone, ...leftovers.map((key) => [key, undefined] as const)]
    const changes: readonly Change[] = [
      ...removals.flatMap(([key, before]): Change | [] => (keep.has(key) ? [] : { kind: 'remove', key, before })),
      ...updates,
      ...Array.from(come, ([key, after]): Change => ({ kind: 'add', key, after })),
    ]
    return { observed, table: desired, changes, keep, strays }
  }
}

function compareAll(
  { table, drifted }: Observed,
  desired: Table,
  { afters }: Matched,
  known: Alike,
): { readonly updates: readonly Change[]; readonly alike: Alike['afters'] } {
  const sameTargets = compareGroups(table.groups, desired.groups)
  const updates: Change[] = []
  const alike = afters.map((after, place) => {
    const before = table.frontends[place]
    if (before === undefined || after === undefined) return undefined
    const same = isKnown(known, place, before, after) || sameSettings(before, after)
    const unchanged = same && sameTargets(before, after)
    if (!unchanged || drifted.size > 0) {
      const key = frontendKey(after)
      if (!unchanged || drifted.has(key)) updates.push({ kind: 'update', key, before, after })
    }
    return same ? after : undefined
  })
  return { updates, alike }
}

/** What was found alike but for its targets: by place, what is desired where the proxy has what. */
interface Alike {
  readonly befores: readonly Frontend[]
  readonly afters: readonly (Frontend | undefined)[]
}

function isKnown({ befores, afters }: Alike, place: number, before: Frontend, after: Frontend): boolean {
  return before === after || (befores[place] === before && afters[place] === after)
}

interface Matched {
  /** By place in the old list, the new frontend with the same key. */
  readonly afters: readonly (Frontend | undefined)[]
  readonly gone: ReadonlyMap<FrontendKey, Frontend>
  readonly come: ReadonlyMap<FrontendKey, Frontend>
}

/** Finds what is in two lists by key. Both are sorted, so keys need to be made up only where the lists differ. */
function matchFrontends(olds: readonly Frontend[], news: readonly Frontend[], known: Alike): Matched {
  const afters: (Frontend | undefined)[] = []
  const gone = new Map<FrontendKey, Frontend>()
  const come = new Map<FrontendKey, Frontend>()
  const drop = (before: Frontend) => {
    gone.set(frontendKey(before), before)
    afters.push(undefined)
  }
  /** Drops what comes before a new frontend; whether its pair is next then. */
  const findPair = (after: Frontend) => {
    for (;;) {
      const before = olds[afters.length]
      if (before === undefined) return false
      if (isPair(known, afters.length, before, after)) return true
      if (frontendKey(before) > frontendKey(after)) return false
      drop(before)
    }
  }
  for (const after of news) {
    if (findPair(after)) afters.push(after)
    else come.set(frontendKey(after), after)
  }
  for (const before of olds.slice(afters.length)) drop(before)
  // A list that is not sorted costs time, and nothing else.
  for (const [key, after] of come) {
    const before = gone.get(key)
    if (before === undefined) continue
    afters[olds.indexOf(before)] = after
    gone.delete(key)
    come.delete(key)
  }
  return { afters, gone, come }
}

/** Whether two frontends have the same key, without making it up. */
function isPair(known: Alike, place: number, a: Frontend, b: Frontend): boolean {
  if (isKnown(known, place, a, b)) return true
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
  const compare = (a: string, b: string) => {
    const old = olds.get(a) ?? NOBODY
    const next = news.get(b) ?? NOBODY
    const compared = known.get(old) ?? new Map<readonly Target[], Likeness>()
    const likeness = compared.get(next) ?? compareTargets(old, next)
    known.set(old, compared.set(next, likeness))
    return { a, b, old, next, likeness }
  }
  // Neighbours mostly lead to the same group.
  let last = compare('', '')
  return (a, b) => {
    if (a.group !== last.a || b.group !== last.b) last = compare(a.group, b.group)
    switch (last.likeness) {
      case 'different':
        return false
      case 'by port':
        return a.targetPort === b.targetPort || last.old.length === 0
      case 'look closer':
        return samePorts(last.old, a.targetPort, last.next, b.targetPort)
    }
    return last.likeness satisfies never
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

/** All that a proxy has of ours, as we would write it or not. */
export function keysThere({ table, drifted }: Observed): ReadonlySet<FrontendKey> {
  return keysOf(table).union(drifted)
}
