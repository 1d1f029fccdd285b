import { setTimeout as sleep } from 'node:timers/promises'

/** Lets whoever asks go on at most once in a time: each reload leaves processes that live as long as their connections do. */
export function createPace(intervalMs: number): (signal: AbortSignal) => Promise<void> {
  let next = 0
  return async (signal) => {
    const wait = next - performance.now()
    if (wait > 0) await sleep(wait, undefined, { signal })
    next = performance.now() + intervalMs
  }
}
