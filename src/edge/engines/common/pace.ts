import { setTimeout as sleep } from 'node:timers/promises'

const INTERVAL_MS = 1_000

/** Lets whoever asks go on at most once in a time, a second by default: each reload leaves processes that live as long as their connections do. */
export function createPace(intervalMs = INTERVAL_MS): (signal: AbortSignal) => Promise<void> {
  let next = 0
  return async (signal) => {
    const wait = next - performance.now()
    if (wait > 0) await sleep(wait, undefined, { signal })
    next = performance.now() + intervalMs
  }
}
