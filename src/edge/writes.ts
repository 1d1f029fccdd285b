import { adoptRemedy } from '../model/adoption.ts'
import type { EdgePatch } from '../model/edge-wire.ts'
import { compareText, type Frontend, frontendKey, makeTable, type Table, type TargetGroup } from '../model/table.ts'
import { findInconsistency, shorten, targetKey } from './consistency.ts'
import { type OwnerParts, ownerName } from './owners.ts'
import { type Refused, refuse } from './refusal.ts'

/** A table as it is kept. */
export interface StoredTable {
  readonly owner: OwnerParts
  /** Counts the writes of this table, from 1. */
  readonly generation: number
  /** Of the cluster: its kube-system namespace. */
  readonly uid: string
  /** Highest of all writers of that cluster so far: the transition count of its Lease. */
  readonly epoch: number
  /** When it was written, as an ISO date. */
  readonly writtenAt: string
  readonly table: Table
}

interface Writer {
  readonly uid: string
  readonly epoch: number
}

/** What a request asks for. */
export type Write =
  | (Writer & { readonly kind: 'put'; readonly table: Table })
  | (Writer & { readonly kind: 'patch'; readonly patch: Pick<EdgePatch, 'frontends' | 'groups'> })
  /** The table as it is becomes the writer's. `from`: the UID of the cluster whose it is. */
  | (Writer & { readonly kind: 'adopt'; readonly from: string })
  | (Writer & { readonly kind: 'delete' })

export type Decision =
  | { readonly kind: 'store'; readonly next: StoredTable }
  | { readonly kind: 'remove' }
  | { readonly kind: 'refuse'; readonly refused: Refused }

export interface Moment {
  readonly owner: OwnerParts
  /** Generation that the writer has seen; 0: none. */
  readonly expected: number
  readonly at: string
}

/**
 * What becomes of an owner's table. In this order: another cluster may not write at all unless it adopts the table by its holder's UID, a former leader
 * may not any more, and whoever has not seen the table as it is must read it first.
 */
export function decideWrite(stored: StoredTable | undefined, write: Write, moment: Moment): Decision {
  const name = ownerName(moment.owner)
  const refused =
    (stored === undefined ? undefined : checkWriter(moment.owner, stored, write)) ??
    checkGeneration(name, stored?.generation ?? 0, moment.expected)
  if (refused !== undefined) return { kind: 'refuse', refused }
  if (write.kind === 'put') return store(write, write.table, stored, moment)
  if (stored === undefined) {
    return { kind: 'refuse', refused: refuse('NotFound', `there is no table ${name}`, 'Send all of it by PUT') }
  }
  if (write.kind === 'delete') return { kind: 'remove' }
  if (write.kind === 'adopt') return adopt(write, stored, moment)
  const patched = patchTable(stored.table, write.patch)
  return typeof patched === 'string' ? invalid(patched) : store(write, patched, stored, moment)
}

function checkWriter(owner: OwnerParts, stored: StoredTable, write: Write): Refused | undefined {
  const name = ownerName(owner)
  const { uid, epoch } = write
  const holder = write.kind === 'adopt' ? write.from : uid
  if (holder !== stored.uid) {
    return refuse(
      'OwnerConflict',
      `the table ${name} belongs to the cluster with UID ${stored.uid}, not to ${holder}`,
      adoptRemedy(owner, stored.uid),
    )
  }
  // Epochs are counted by the Lease of one cluster: those of another say nothing.
  if (write.kind === 'adopt') return undefined
  // Whoever has no Lease has no place in their order, and goes by generations alone.
  if (epoch === 0 || epoch >= stored.epoch) return undefined
  return refuse(
    'StaleWriter',
    `epoch ${epoch} is over: the table ${name} was written in epoch ${stored.epoch}`,
    'Leave it to the new leader',
  )
}

function checkGeneration(name: string, generation: number, expected: number): Refused | undefined {
  if (generation === expected) return undefined
  const state = generation === 0 ? 'does not exist' : `is at generation ${generation}`
  const message = `the table ${name} ${state}, not at ${expected === 0 ? 'none' : expected}`
  return { ...refuse('RevisionConflict', message, 'Read it, and write again'), generation }
}

function store(write: Writer, table: Table, stored: StoredTable | undefined, { owner, at }: Moment): Decision {
  const found = findInconsistency(table.frontends, table.groups)
  if (found !== undefined) return invalid(found)
  const { uid } = write
  const epoch = Math.max(write.epoch, stored?.epoch ?? 0)
  const generation = (stored?.generation ?? 0) + 1
  const groups = table.groups.map(({ id, targets }) => ({ id, targets: targets.toSorted(byAddress) }))
  return {
    kind: 'store',
    next: { owner, generation, uid, epoch, writtenAt: at, table: makeTable(table.frontends, groups) },
  }
}

/** Epochs begin anew with the first writer of another cluster; a former leader of the same one must not get there by adopting its own. */
function adopt({ uid, epoch }: Writer, stored: StoredTable, { at }: Moment): Decision {
  if (uid === stored.uid) return invalid('`adopts` is the UID of the writer itself')
  return { kind: 'store', next: { ...stored, generation: stored.generation + 1, uid, epoch, writtenAt: at } }
}

function byAddress(a: TargetGroup['targets'][number], b: TargetGroup['targets'][number]): number {
  return compareText(a.address, b.address) || (a.port ?? 0) - (b.port ?? 0)
}

function invalid(message: string): Decision {
  const remedy = 'Correct the body, or send all of the table by PUT'
  return { kind: 'refuse', refused: refuse('BodyInvalid', message, remedy) }
}

/** The table with the changes made, or what keeps them from being made. */
function patchTable(table: Table, { frontends, groups }: Pick<EdgePatch, 'frontends' | 'groups'>): Table | string {
  const byKey = new Map(table.frontends.map((frontend) => [frontendKey(frontend), frontend]))
  const byId = new Map(table.groups.map((group) => [group.id, group]))
  const missing =
    removeAll(byKey, frontends.remove, 'frontend') ??
    removeAll(byId, groups.remove, 'group') ??
    setAll<Frontend>(byKey, frontends.set, frontendKey, 'frontend') ??
    changeGroups(byId, groups.change) ??
    setAll<TargetGroup>(byId, groups.set, ({ id }) => id, 'group')
  return missing ?? { frontends: [...byKey.values()], groups: [...byId.values()] }
}

function removeAll(from: Map<string, unknown>, keys: readonly string[], what: string): string | undefined {
  const absent = keys.find((key) => !from.delete(key))
  return absent === undefined ? undefined : `${what} ${shorten(absent)} is to be removed, and not there`
}

function setAll<T>(
  into: Map<string, T>,
  values: readonly T[],
  keyOf: (value: T) => string,
  what: string,
): string | undefined {
  const set = new Set<string>()
  for (const value of values) {
    const key = keyOf(value)
    if (set.has(key)) return `${what} ${shorten(key)} is set twice`
    set.add(key)
    into.set(key, value)
  }
  return undefined
}

function changeGroups(byId: Map<string, TargetGroup>, changes: EdgePatch['groups']['change']): string | undefined {
  for (const { id, add, remove } of changes) {
    const group = byId.get(id)
    if (group === undefined) return `group ${shorten(id)} is to be changed, and not there`
    const targets = new Map(group.targets.map((target) => [targetKey(target), target]))
    const absent = remove.find((target) => !targets.delete(targetKey(target)))
    if (absent !== undefined)
      return `target ${targetKey(absent)} of group ${shorten(id)} is to be removed, and not there`
    for (const target of add) targets.set(targetKey(target), target)
    byId.set(id, { id, targets: [...targets.values()] })
  }
  return undefined
}
