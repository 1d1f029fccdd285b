/** What happens in one storm, and when: drawn beforehand from the dice, so that a seed makes the same storms at any pace. */
import type { Dice } from '../contract/dice.ts'
import type { Fault } from './fault.ts'
import { type Action, applyAction, nextAction, pick, type World } from './world.ts'

export interface Strike {
  readonly fault: Fault
  /** Since the storm began. */
  readonly atMs: number
  readonly holdMs: number
}

export interface Storm {
  readonly strikes: readonly Strike[]
  readonly actions: readonly { readonly atMs: number; readonly action: Action }[]
  readonly lastsMs: number
}

export interface Drawn {
  readonly storm: Storm
  readonly world: World
}

/** Deals all faults once, shuffled, before any comes again. */
export function createDeck(faults: readonly Fault[], dice: Dice): (unlike?: Fault) => Fault | undefined {
  let deck: readonly Fault[] = []
  return (unlike) => {
    if (deck.length === 0) deck = shuffle(faults, dice)
    // Two faults of one party would undo each other.
    const dealt = unlike === undefined ? deck[0] : deck.find(({ party }) => party !== unlike.party)
    deck = deck.filter((one) => one !== dealt)
    return dealt
  }
}

function shuffle<T>(all: readonly T[], dice: Dice): readonly T[] {
  const left = [...all]
  return all.flatMap(() => left.splice(dice(left.length), 1))
}

const ACTION_EVERY_MS = 400

/** One fault, or two that overlap, and changes all the while. */
export function drawStorm(world: World, deal: ReturnType<typeof createDeck>, dice: Dice): Drawn {
  const first = deal()
  if (first === undefined) throw new Error('there are no faults')
  const second = dice(3) === 0 ? deal(first) : undefined
  const strikes = [first, second].flatMap((fault) => {
    if (fault === undefined) return []
    const [least, most] = fault.holdMs
    return [{ fault, atMs: 500 + dice(2_000), holdMs: least + dice(most - least + 1) }]
  })
  const lastsMs = Math.max(...strikes.map(({ atMs, holdMs }) => atMs + holdMs))
  const count = pick([4, 8, 16], dice)
  const actions: { atMs: number; action: Action }[] = []
  let now = world
  for (let at = 0; at < count; at++) {
    const action = nextAction(now, dice)
    now = applyAction(now, action)
    actions.push({ atMs: Math.min(at * ACTION_EVERY_MS, lastsMs), action })
  }
  return { storm: { strikes, actions, lastsMs }, world: now }
}
