import type { Problem } from './problems.ts'

/**
 * Remembers what a program did not load: a configuration, a part of one, a socket. Some programs interrupt all that they serve at every attempt, so the
 * same is not tried again before a rest, which doubles each time.
 */
export interface Rests {
  /** What went wrong with something, while it rests. */
  readonly find: (name: string) => Problem | undefined
  readonly add: (name: string, problem: Problem) => void
  /** All is forgotten once a start succeeds: what was in the way is gone, or left out. */
  readonly clear: () => void
}

const FIRST_REST_MS = 60_000
const LONGEST_REST_MS = 3_600_000

/** `firstMs` is the first rest, a minute by default; `now` is in milliseconds. */
export function createRests(firstMs = FIRST_REST_MS, now: () => number = () => performance.now()): Rests {
  const failed = new Map<string, { readonly problem: Problem; readonly restMs: number; readonly until: number }>()
  return {
    find: (name) => {
      const one = failed.get(name)
      return one !== undefined && now() < one.until ? one.problem : undefined
    },
    add: (name, problem) => {
      const restMs = Math.min(2 * (failed.get(name)?.restMs ?? firstMs / 2), LONGEST_REST_MS)
      failed.set(name, { problem, restMs, until: now() + restMs })
      // What has rested twice as long as the longest is of another time.
      for (const [old, { until }] of failed) if (until + 2 * LONGEST_REST_MS < now()) failed.delete(old)
    },
    clear: () => failed.clear(),
  }
}
