import type { Target } from '../../../model/table.ts'

/** What is in one slot of a group, as a running HAProxy has it. */
export interface Occupant {
  readonly address: string
  /** Undefined: the port that frontends set. */
  readonly port: number | undefined
}

/** The slots of a group, in their order; undefined: empty. */
export type Layout = readonly (Target | undefined)[]

/** Empty slots that a group has at least when its slots are counted anew: so many targets can join before a reload is due. */
const SPARE = 2

/**
 * Gives each target of a group a slot. Every backend of the group has its servers in these slots, so that a target comes and goes over the runtime
 * socket. A target keeps the slot that it has in `before`: the place of a server in HAProxy's consistent hash is that of its slot.
 */
export function layOut(targets: readonly Target[], before: readonly (Occupant | undefined)[]): Layout {
  const slots = Array.from({ length: slotCount(targets.length, before.length) }, (): Target | undefined => undefined)
  const waiting = new Map(targets.map((target) => [nameOf(target), target]))
  for (const [place, occupant] of before.slice(0, slots.length).entries()) {
    const name = occupant === undefined ? '' : nameOf(occupant)
    slots[place] = waiting.get(name)
    waiting.delete(name)
  }
  const joining = waiting.values()
  for (const [place, occupant] of slots.entries()) slots[place] = occupant ?? joining.next().value
  return slots
}

function nameOf({ address, port }: Occupant | Target): string {
  return `${address} ${port ?? ''}`
}

/** How many slots a group has: as many as it had, unless they are none, too few or far too many. */
function slotCount(targets: number, had: number): number {
  const step = targets < 32 ? 4 : targets < 256 ? 16 : 64
  const fresh = Math.ceil((targets + SPARE) / step) * step
  return had > 0 && had >= targets && had <= 4 * fresh ? had : fresh
}
