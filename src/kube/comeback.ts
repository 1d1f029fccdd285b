import { type Clock, sleep, startDeadline } from './clock.ts'

/** An API server that was away, between those that ask it: each backs off by itself, and whoever is answered first tells the others. */
export interface Comeback {
  /** Says that the server answers after a failure. Soon after it was said it is no news. */
  readonly announce: () => void
  /** Waits, but hardly longer than until the server is announced. Rejects with the signal's reason as soon as it aborts. */
  readonly wait: (delayMs: number, signal: AbortSignal) => Promise<void>
}

/** A server that lets each in and turns all away again at once would have them wake each other without end. */
const QUIET_MS = 5_000
/** Those who are told at once do not ask all at once. */
const SPREAD_MS = 250

export function createComeback(clock: Clock): Comeback {
  const waiting = new Set<() => void>()
  let announcedAt = Number.NEGATIVE_INFINITY

  /** Resolves when the server is announced, and at the latest with the delay or the signal. */
  function beTold(delayMs: number, signal: AbortSignal): Promise<void> {
    const deadline = startDeadline(clock, delayMs, signal)
    return new Promise((resolve) => {
      const end = () => {
        waiting.delete(end)
        deadline.release()
        resolve()
      }
      waiting.add(end)
      deadline.signal.addEventListener('abort', end, { once: true })
    })
  }

  return {
    announce: () => {
      if (clock.now() - announcedAt < QUIET_MS) return
      announcedAt = clock.now()
      for (const tell of waiting) tell()
    },
    wait: async (delayMs, signal) => {
      signal.throwIfAborted()
      const until = clock.now() + delayMs
      await beTold(delayMs, signal)
      const spreadMs = Math.min(until - clock.now(), clock.random() * SPREAD_MS)
      if (spreadMs > 0) await sleep(clock, spreadMs, signal)
      signal.throwIfAborted()
    },
  }
}
