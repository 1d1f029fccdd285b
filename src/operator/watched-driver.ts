import type { Change, Driver, Observed, Plan, Refusal } from '../model/driver.ts'
import { errorText, FairwayError } from '../model/problems.ts'
import { frontendKey } from '../model/table.ts'
import type { ChangeView } from '../model/view.ts'
import { renderPlan } from '../plan/render.ts'

/** Lines of a change that are kept: one of the nodes concerns every frontend. */
const MOST_LINES = 200

/** What a driver has told last. */
export interface Seen {
  observed: Observed | undefined
  plan: Plan | undefined
}

/** One write, without its place. */
export type Written = Omit<ChangeView, 'id' | 'className' | 'proxy'>

/** The driver, with what passes through it noted in `seen`, and each write told. */
export function watchDriver(driver: Driver, seen: Seen, tell: (change: Written) => void, now: () => number): Driver {
  const recall: Driver['recall'] = driver.recall && ((keys) => driver.recall?.(keys))
  const preview: Driver['preview'] =
    driver.preview && ((plan, signal) => driver.preview?.(plan, signal) ?? Promise.resolve([]))
  return {
    capabilities: driver.capabilities,
    ...(recall && { recall }),
    ...(preview && { preview }),
    read: async (signal) => {
      Object.assign(seen, { observed: undefined, plan: undefined })
      seen.observed = await driver.read(signal)
      return seen.observed
    },
    apply: async (plan, signal) => {
      seen.plan = plan
      const startedMs = now()
      try {
        const applied = await driver.apply(plan, signal)
        Object.assign(seen, { observed: applyTo(plan, applied.refused), plan: undefined })
        if (applied.wrote) tell(describe(plan, applied.refused, startedMs, now(), undefined))
        return applied
      } catch (error) {
        // Another write came first, and the pass begins again: no news to anybody.
        if (!signal.aborted && !isRace(error)) tell(describe(plan, [], startedMs, now(), errorText(error)))
        throw error
      }
    },
    close: () => driver.close(),
  }
}

function isRace(error: unknown): boolean {
  return error instanceof FairwayError && error.problem.code === 'RevisionConflict'
}

/** What a proxy has after a plan: its table but for what was refused, and what was kept. */
function applyTo({ observed, table, keep }: Plan, refused: readonly Refusal[]): Observed {
  const denied = new Set(refused.map(({ key }) => key))
  const wanted = table.frontends.filter((one) => !denied.has(frontendKey(one)))
  const kept = observed.table.frontends.filter((one) => keep.has(frontendKey(one)))
  const frontends = [...new Map([...kept, ...wanted].map((one) => [frontendKey(one), one])).values()]
  const drifted = observed.drifted.intersection(keep)
  return { ...observed, table: { frontends, groups: table.groups }, drifted, refused: [], trouble: undefined }
}

function describe(
  plan: Plan,
  refused: readonly Refusal[],
  startedMs: number,
  endedMs: number,
  failure: string | undefined,
): Written {
  const denied = new Set(refused.map(({ key }) => key))
  const changes = plan.changes.filter(({ key }) => !denied.has(key))
  const count = (kind: Change['kind']) => changes.filter((change) => change.kind === kind).length
  const [, ...lines] = renderPlan({ ...plan, changes, keep: new Set() }, '', MOST_LINES)
  return {
    at: new Date(endedMs).toISOString(),
    added: count('add'),
    updated: count('update'),
    removed: count('remove') + plan.strays.length,
    lines,
    tookMs: endedMs - startedMs,
    failure,
  }
}
