/** Long enough for a proxy that was away to come back, and too short to be there for another accident. */
const HOLDS_MS = 10 * 60_000

/** What a person has said lately to let go. */
export interface Confirmations {
  say(words: readonly string[]): void
  /** Those that hold at this moment. */
  words(): ReadonlySet<string>
}

/** Nothing was said yet. In memory only: whoever leads next asks again. `now` is epoch milliseconds. */
export function createConfirmations(now: () => number): Confirmations {
  const until = new Map<string, number>()
  return {
    say: (words) => {
      for (const word of words) until.set(word, now() + HOLDS_MS)
    },
    words: () => {
      for (const [word, end] of until) if (end <= now()) until.delete(word)
      return new Set(until.keys())
    },
  }
}
