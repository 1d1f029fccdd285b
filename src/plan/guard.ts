import type { Plan } from '../model/driver.ts'
import type { Problem } from '../model/problems.ts'
import { type FrontendKey, frontendKey } from '../model/table.ts'

export interface GuardLimits {
  /** Share of the live frontends, 0 to 1, that may go without evidence. */
  readonly maxRemoval: number
  /** Fewer live frontends than this are not guarded. */
  readonly minFrontends: number
}

export interface Guarded {
  readonly plan: Plan
  /** Set when removals were held back. */
  readonly problem: Problem | undefined
}

/**
 * Holds back removals that look like a broken view. `accounted` are the frontends that Services in the cluster account for: their removal is
 * somebody's wish. The others are merely absent; more of them than the limit allows stay on the proxy until a person lifts the limit.
 */
export function guardRemovals(
  plan: Plan,
  accounted: ReadonlySet<FrontendKey>,
  limits: GuardLimits,
  proxy: string,
): Guarded {
  const { observed, table, changes, keep } = plan
  const live = new Set([...observed.table.frontends.map(frontendKey), ...observed.drifted]).size
  const unexplained = new Set(
    plan.changes.flatMap(({ kind, key }) => (kind === 'remove' && !accounted.has(key) ? key : [])),
  )
  if (live < limits.minFrontends || unexplained.size <= live * limits.maxRemoval) return { plan, problem: undefined }
  return {
    plan: {
      observed,
      table,
      changes: changes.filter(({ key }) => !unexplained.has(key)),
      keep: new Set([...keep, ...unexplained]),
    },
    problem: {
      code: 'RemovalHeld',
      kind: 'terminal',
      message: `${unexplained.size} of ${live} frontends on proxy ${proxy} have no Service any more, though none was seen to be deleted; they are kept`,
      remedy:
        'Check that the operator sees the right cluster; to let them go, set guard.maxRemoval to 100% for a while',
    },
  }
}
