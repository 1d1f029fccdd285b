import type { Target, TargetGroup } from '../model/table.ts'
import { boundGroupId, isFixed, type OwnerParts } from './owners.ts'
import { isForbiddenTarget, type Rules } from './rules.ts'

export interface FittedGroup {
  /** With its id on this machine, without what is forbidden. */
  readonly group: TargetGroup
  readonly forbidden: readonly Target[]
}

/** The groups of one owner as the machine may use them, by the ids that the owner gives them. The administrator may use any target. */
export function fitTargets(
  owner: OwnerParts,
  groups: readonly TargetGroup[],
  rules: Rules,
): ReadonlyMap<string, FittedGroup> {
  const isForbidden = (target: Target) => !isFixed(owner) && isForbiddenTarget(rules, target)
  return new Map(
    groups.map(({ id, targets }) => {
      const forbidden = targets.filter(isForbidden)
      const rest = forbidden.length === 0 ? targets : targets.filter((target) => !isForbidden(target))
      return [id, { group: { id: boundGroupId(owner, id), targets: rest }, forbidden }]
    }),
  )
}
