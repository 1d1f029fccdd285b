import { type OwnerName, type OwnerParts, ownerName } from './owners.ts'
import type { Proposal } from './proposals.ts'
import { decideWrite, type StoredTable } from './writes.ts'

export type Tables = ReadonlyMap<OwnerName, StoredTable>

/** What the tables become if all goes well. */
export interface Draft<T> {
  readonly tables: Tables
  /** Writes that are in it; the others have been refused. */
  readonly accepted: readonly Proposal<T>[]
  readonly stored: readonly StoredTable[]
  readonly removed: readonly OwnerParts[]
}

/** Puts writes of different owners into the tables. */
export function draftTables<T>(tables: Tables, batch: readonly Proposal<T>[], at: string): Draft<T> {
  const next = new Map(tables)
  const accepted: Proposal<T>[] = []
  const stored: StoredTable[] = []
  const removed: OwnerParts[] = []
  for (const proposal of batch) {
    const { owner, expected, write } = proposal
    const name = ownerName(owner)
    const decision = decideWrite(tables.get(name), write, { owner, expected, at })
    switch (decision.kind) {
      case 'refuse':
        proposal.settle({ refused: decision.refused })
        continue
      case 'store':
        next.set(name, decision.next)
        stored.push(decision.next)
        break
      case 'remove':
        next.delete(name)
        removed.push(owner)
        break
    }
    accepted.push(proposal)
  }
  return { tables: next, accepted, stored, removed }
}
