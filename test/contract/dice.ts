/** Throws a die with so many sides: 0 is the least. The same numbers at each run for the same seed. */
export type Dice = (sides: number) => number

/** Numerical Recipes' linear congruential generator. */
export function createDice(seed: number): Dice {
  let state = seed
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * sides)
  }
}
