import { createDesirer, createSelector, type Desirer, type Selector } from '../desired/desire.ts'
import type { ClassRule } from '../desired/select.ts'
import type { ClassSpec } from '../desired/spec.ts'
import { createPlanner, type Planner } from '../plan/plan-proxy.ts'

/** The pure parts of the passes of one class, which remember what they made of objects that are still the same, and nothing else. */
export interface Deciders {
  readonly spec: ClassSpec
  readonly rules: readonly ClassRule[]
  readonly select: Selector
  readonly desire: Desirer
  planFor(proxy: string): Planner
}

export function createDeciders(spec: ClassSpec, rules: readonly ClassRule[]): Deciders {
  const planners = new Map<string, Planner>()
  return {
    spec,
    rules,
    select: createSelector(rules),
    desire: createDesirer(spec),
    planFor: (proxy) => {
      const planner = planners.get(proxy) ?? createPlanner(proxy)
      planners.set(proxy, planner)
      return planner
    },
  }
}
