import type { Sibling } from '../../model/driver.ts'
import { composeSections } from './compose.ts'
import type { Estates, OwnedSocket } from './estates.ts'
import { type Operation, operationsOf } from './operations.ts'
import type { DataplaneOptions } from './options.ts'

export interface CutStrays {
  readonly operations: readonly Operation[]
  /** Sockets that go as a whole. */
  readonly freed: readonly OwnedSocket[]
}

/** What takes strays out of the estates that they are in. Frontends beside them stay as they are. */
export function cutStrays(options: DataplaneOptions, { siblings }: Estates, strays: readonly Sibling[]): CutStrays {
  const cut = [...Map.groupBy(strays, ({ className }) => className)].flatMap(([className, some]) => {
    const estate = siblings.find(({ holder }) => holder.className === className)
    if (estate === undefined) return []
    const going = new Set(some.map(({ key }) => key))
    const entries = estate.sockets.flatMap((socket) => socket.entries)
    const keep = new Set(entries.flatMap(({ key }) => (going.has(key) ? [] : key)))
    const operations = operationsOf(estate.sections, composeSections(options, estate, [], keep))
    const freed = estate.sockets.filter((socket) => socket.entries.every(({ key }) => going.has(key)))
    return [{ operations, freed }]
  })
  return { operations: cut.flatMap(({ operations }) => operations), freed: cut.flatMap(({ freed }) => freed) }
}
