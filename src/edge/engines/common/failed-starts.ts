import type { Problem } from '../../../model/problems.ts'

/**
 * Remembers the configurations that a program did not start with. HAProxy's every attempt interrupts all that it serves for two seconds, so the same one is not
 * tried again before a rest, which doubles each time.
 */
export interface FailedStarts {
  /** What went wrong with a shape, while it rests. */
  readonly find: (shape: string) => Problem | undefined
  readonly add: (shape: string, problem: Problem) => void
  /** All is forgotten once a start succeeds: what was in the way is gone, or left out. */
  readonly clear: () => void
}

const LONGEST_REST_MS = 3_600_000

/** `restMs` is the first rest; `now` is in milliseconds. */
export function createFailedStarts(restMs: number, now: () => number = () => performance.now()): FailedStarts {
  const failed = new Map<string, { readonly problem: Problem; readonly restMs: number; readonly until: number }>()
  return {
    find: (shape) => {
      const one = failed.get(shape)
      return one !== undefined && now() < one.until ? one.problem : undefined
    },
    add: (shape, problem) => {
      const rest = Math.min(2 * (failed.get(shape)?.restMs ?? restMs / 2), LONGEST_REST_MS)
      failed.set(shape, { problem, restMs: rest, until: now() + rest })
    },
    clear: () => failed.clear(),
  }
}
