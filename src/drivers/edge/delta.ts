import type { HeardTable } from '../../model/edge-heard.ts'
import { sameSettings } from '../../model/same.ts'
import {
  type Frontend,
  type FrontendKey,
  frontendKey,
  keysOf,
  type Table,
  type Target,
  type TargetGroup,
} from '../../model/table.ts'

/** As the body of a PATCH has it, see model/edge-wire.ts. */
export interface Delta {
  readonly frontends: { readonly set: readonly Frontend[]; readonly remove: readonly FrontendKey[] }
  readonly groups: {
    readonly set: readonly TargetGroup[]
    readonly change: readonly GroupChange[]
    readonly remove: readonly string[]
  }
}

export interface GroupChange {
  readonly id: string
  readonly add: readonly Target[]
  readonly remove: readonly Pick<Target, 'address' | 'port'>[]
}

/** What of a stored table is more than is known here: unless it is kept as it is, it is written anew. */
export type Foreign = Pick<HeardTable, 'foreign' | 'foreignGroups'>

const NOTHING: Foreign = { foreign: new Set(), foreignGroups: new Set() }

/**
 * What turns one table into another, as a PATCH says it; undefined when they are the same. Groups are compared by id, and the names of targets not at
 * all. What of `foreign` is in `keep` stays: it is wanted as the very object that is stored, or cannot even be read.
 */
export function deltaOf(
  stored: Table,
  wanted: Table,
  { foreign, foreignGroups }: Foreign = NOTHING,
  keep: ReadonlySet<FrontendKey> = NOTHING.foreign,
): Delta | undefined {
  const had = keysOf(stored)
  const frontends = {
    set: changedFrontends(stored.frontends, wanted.frontends, foreign.difference(keep)),
    remove: goneOf([...had.union(foreign)], wanted.frontends.map(frontendKey)).filter((key) => !keep.has(key)),
  }
  const hadGroups = new Map(stored.groups.map((group) => [group.id, group]))
  const changes = wanted.groups.map((group) => {
    const before = hadGroups.get(group.id)
    return changeOf(before !== group && foreignGroups.has(group.id) ? undefined : before, group)
  })
  // Nobody here knows where a kept one leads that cannot be read.
  const leadsSomewhere = !foreign.intersection(keep).isSubsetOf(had)
  const groups = {
    set: changes.flatMap((change) => (change !== undefined && 'targets' in change ? change : [])),
    change: changes.flatMap((change) => (change !== undefined && 'add' in change ? change : [])),
    remove: leadsSomewhere
      ? []
      : goneOf(
          [...hadGroups.keys()],
          wanted.groups.map(({ id }) => id),
        ),
  }
  const lists = [...Object.values(frontends), ...Object.values(groups)]
  return lists.every(({ length }) => length === 0) ? undefined : { frontends, groups }
}

function changedFrontends(
  stored: readonly Frontend[],
  wanted: readonly Frontend[],
  foreign: ReadonlySet<FrontendKey>,
): readonly Frontend[] {
  const had = new Map(stored.map((one) => [frontendKey(one), one]))
  return wanted.filter((one) => {
    const key = frontendKey(one)
    if (foreign.has(key)) return true
    const before = had.get(key)
    if (before === one) return false
    const alike =
      before?.group === one.group && before.targetPort === one.targetPort && before.service?.uid === one.service?.uid
    return !(alike && sameSettings(before, one))
  })
}

function goneOf(stored: readonly string[], wanted: readonly string[]): string[] {
  const wants = new Set(wanted)
  return stored.filter((one) => !wants.has(one))
}

/** What of a group changes: all of it where that is new or not longer than the difference; undefined where nothing does. */
export function changeOf(before: TargetGroup | undefined, after: TargetGroup): TargetGroup | GroupChange | undefined {
  if (before === undefined) return after
  if (before.targets === after.targets) return undefined
  const had = new Map(before.targets.map((target) => [placeOf(target), target]))
  const has = new Set(after.targets.map(placeOf))
  const add = after.targets.filter((target) => {
    const old = had.get(placeOf(target))
    return old === undefined || old.draining !== target.draining
  })
  const remove = before.targets.flatMap(({ address, port }) =>
    has.has(placeOf({ address, ...(port === undefined ? {} : { port }) }))
      ? []
      : { address, ...(port === undefined ? {} : { port }) },
  )
  if (add.length + remove.length === 0) return undefined
  return add.length + remove.length >= after.targets.length ? after : { id: after.id, add, remove }
}

function placeOf({ address, port }: Pick<Target, 'address' | 'port'>): string {
  return port === undefined ? address : `${address} ${port}`
}
