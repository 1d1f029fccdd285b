import type { Observed, Plan, Refusal, Sibling } from '../model/driver.ts'
import type { Problem } from '../model/problems.ts'
import { type FrontendKey, frontendKey, type Table } from '../model/table.ts'
import { createFitter } from './capabilities.ts'
import { createDiffer, keysThere } from './diff.ts'
import { type Accounted, type GuardLimits, guardRemovals } from './guard.ts'
import { holdServed, keptAt, keptUntouched } from './hold.ts'

/** What one proxy shall have, before anything is known of it. */
export interface Wish {
  readonly table: Table
  /** Frontends that stay as the proxy has them, and why. */
  readonly held: ReadonlyMap<FrontendKey, Problem>
  /** Frontends that the table lacks, to be left as the proxy has them. */
  readonly keep: ReadonlySet<FrontendKey>
  /** Addresses of which it is not known who holds what there: what a proxy has on them stays, but for what Services account for. */
  readonly keepAt?: ReadonlySet<string>
  readonly nodeGroups: ReadonlySet<string>
  /** Frontends that Services in the cluster account for. Asked only where something is to go. */
  readonly accounted: Accounted
  /** What other classes have left on the proxy, to be removed with the same write. */
  readonly strays: (observed: Observed) => readonly Sibling[]
  readonly guard: GuardLimits
  /** Words for removals that a person has said. */
  readonly confirmed?: ReadonlySet<string>
}

export interface Planned {
  readonly plan: Plan
  /** Frontends of the wish that are not asked of the proxy, and why. */
  readonly left: readonly Refusal[]
  /** Set when removals were held back. */
  readonly heldBack: Problem | undefined
}

/** From what a proxy has to what it shall have: fit, hold, diff, guard. */
export function planProxy(observed: Observed, wish: Wish, proxy: string): Planned {
  return createPlanner(proxy)(observed, wish)
}

/** Plans for one proxy. */
export type Planner = (observed: Observed, wish: Wish) => Planned

/** Plans again and again: what `planProxy` says, and faster, since it remembers what it made of objects that are still the same. */
export function createPlanner(proxy: string): Planner {
  const fit = createFitter(proxy)
  const diff = createDiffer()
  return (observed, wish) => {
    const fitted = fit(wish.table, observed.capabilities)
    const table = holdServed(fitted.table, wish.held, wish.nodeGroups, observed)
    const keep = wish.keep
      .union(keptUntouched(wish.held.keys(), observed))
      .union(stillServed(fitted.refusals, observed))
      .union(keptAt(wish.keepAt, wish.accounted, observed))
    const { plan, problem } = guardRemovals(
      diff(observed, table, keep, wish.strays(observed)),
      wish.accounted,
      wish.guard,
      proxy,
      wish.confirmed,
    )
    return { plan, left: [...fitted.refusals, ...unserved(wish.held, table, keep)], heldBack: problem }
  }
}

/** What a proxy served before more was asked of it than it can do: that goes on. */
function stillServed(refusals: readonly Refusal[], observed: Observed): ReadonlySet<FrontendKey> {
  if (refusals.length === 0) return new Set()
  return new Set(refusals.map(({ key }) => key)).intersection(keysThere(observed))
}

/** Held frontends that the proxy never had are not served, for the reason that holds them. */
function unserved(held: Wish['held'], table: Table, keep: ReadonlySet<FrontendKey>): readonly Refusal[] {
  if (held.size === 0) return []
  const present = new Set([...keep, ...table.frontends.map(frontendKey)])
  return [...held].flatMap(([key, problem]) => (present.has(key) ? [] : { key, problem }))
}
