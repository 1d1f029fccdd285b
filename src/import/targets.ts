import { compareText } from '../model/table.ts'
import type { OldTarget } from './old.ts'

/** Each once, by address and port. */
export function sortTargets(targets: readonly OldTarget[]): readonly OldTarget[] {
  const byPlace = new Map(targets.map((one) => [`${one.address} ${one.port}`, one]))
  return [...byPlace.values()].toSorted((a, b) => compareText(a.address, b.address) || a.port - b.port)
}
