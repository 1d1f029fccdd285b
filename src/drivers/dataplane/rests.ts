import type { Problem } from '../../model/problems.ts'

/**
 * Remembers what HAProxy did not reload with. Each attempt may interrupt all that it serves for two seconds (2.6), so the same is not tried
 * again before a rest, which doubles each time.
 */
export interface Rests {
  /** What went wrong with something, while it rests. */
  readonly find: (name: string) => Problem | undefined
  readonly add: (name: string, problem: Problem) => void
}

const LONGEST_REST_MS = 3_600_000

/** `firstMs` is the first rest; `now` is in milliseconds. */
export function createRests(firstMs: number, now: () => number = () => performance.now()): Rests {
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
  }
}
