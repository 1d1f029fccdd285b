import type { Target, TargetGroup } from './table.ts'

/** A group for a proxy that cannot drain: who is about to leave is gone already, and the cordoned ones serve on. It is never emptied. */
export function withoutDraining(group: TargetGroup): TargetGroup {
  const { id, targets } = group
  if (targets.every(({ draining }) => draining === undefined)) return group
  const staying = targets.filter(({ draining }) => draining !== 'leaving')
  return { id, targets: (staying.length > 0 ? staying : targets).map(unmark) }
}

export function unmark(target: Target): Target {
  const { draining, ...rest } = target
  return draining === undefined ? target : rest
}
