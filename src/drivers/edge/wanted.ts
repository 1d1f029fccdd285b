import { type FrontendKey, frontendKey, makeTable, type Table, type TargetGroup } from '../../model/table.ts'
import { changeOf } from './delta.ts'

/** A table, and with it those of the frontends that are stored which it lacks and which are to be kept, exactly as they are. */
export function wantedTable(table: Table, keep: ReadonlySet<FrontendKey>, stored: Table): Table {
  if (keep.size === 0) return table
  const wanted = new Set(table.frontends.map(frontendKey))
  const kept = stored.frontends.filter((one) => keep.has(frontendKey(one)) && !wanted.has(frontendKey(one)))
  if (kept.length === 0) return table
  const used = new Set(kept.map(({ group }) => group))
  const { names, groups } = nameGroups(
    table.groups,
    stored.groups.filter(({ id }) => used.has(id)),
  )
  const frontends = kept.map((one) => ({ ...one, group: names.get(one.group) ?? one.group }))
  return makeTable([...table.frontends, ...frontends], [...table.groups, ...groups])
}

/** Names for stored groups beside the wanted ones: their own, unless another has it by now. The same again gives the same names. */
function nameGroups(wanted: readonly TargetGroup[], stored: readonly TargetGroup[]) {
  const byId = new Map(wanted.map((group) => [group.id, group]))
  const taken = new Set([...byId.keys(), ...stored.map(({ id }) => id)])
  const names = new Map<string, string>()
  const groups: TargetGroup[] = []
  for (const group of stored) {
    const rival = byId.get(group.id)
    if (rival !== undefined && changeOf(group, rival) === undefined) continue
    const id = rival === undefined ? group.id : freeName(taken)
    taken.add(id)
    names.set(group.id, id)
    groups.push(rival === undefined ? group : { ...group, id })
  }
  return { names, groups }
}

function freeName(taken: ReadonlySet<string>): string {
  for (let count = 1; ; count++) {
    const name = `kept/${count}`
    if (!taken.has(name)) return name
  }
}
