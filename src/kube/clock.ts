/** Time and chance, handed in so that tests can hold them still. */
export interface Clock {
  /** Milliseconds on a clock that never jumps. Its zero means nothing. */
  now(): number
  /** Milliseconds since 1970, for what other people read. */
  wallNow(): number
  /** Calls back once after a delay; the function returned cancels that. */
  setTimer(delayMs: number, callback: () => void): () => void
  /** A number in [0, 1). */
  random(): number
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
}

/** Why a signal aborted, as something to throw. */
export function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason))
}

/** Waits; rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const onAbort = (): void => {
      cancel()
      reject(abortReason(signal))
    }
    const cancel = clock.setTimer(delayMs, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** Waits; ends early, and well, when the signal aborts. */
export async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  try {
    await sleep(clock, delayMs, signal)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Waits for work that takes no signal of its own, but no longer than until the signal aborts. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortReason(signal))
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** A signal of its own that follows another one, or a deadline, until it is released. */
export interface Deadline {
  readonly signal: AbortSignal
  /** Whether it was the deadline, not the outer signal, that struck. */
  readonly expired: boolean
  /** Lets go of timer and outer signal. */
  release(): void
}

/**
 * Derives a signal that aborts with `outer` or after a delay. AbortSignal.any and AbortSignal.timeout are not used: the one keeps entries
 * on a long-lived signal until it is collected, the other runs on a clock that no test can hold.
 */
export function startDeadline(clock: Clock, delayMs: number, outer: AbortSignal): Deadline {
  const controller = new AbortController()
  let expired = false
  const cancel = clock.setTimer(delayMs, () => {
    expired = true
    release()
    controller.abort(new DOMException('deadline exceeded', 'TimeoutError'))
  })
  const onAbort = (): void => {
    release()
    controller.abort(outer.reason)
  }
  const release = (): void => {
    cancel()
    outer.removeEventListener('abort', onAbort)
  }
  if (outer.aborted) onAbort()
  else outer.addEventListener('abort', onAbort, { once: true })
  return {
    signal: controller.signal,
    get expired() {
      return expired
    },
    release,
  }
}

/**
 * Capped exponential backoff with full jitter, as client-go's reflector paces itself (tools/cache/reflector.go: 0.8 s doubling to 30 s,
 * started afresh after two quiet minutes), but drawn from [0, delay] so that many clients of a restarted server spread from the first try.
 */
export class Backoff {
  readonly #clock: Clock
  readonly #baseMs: number
  readonly #capMs: number
  readonly #resetMs: number
  #delayMs: number
  #lastAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, baseMs = 800, capMs = 30_000, resetMs = 120_000) {
    this.#clock = clock
    this.#baseMs = baseMs
    this.#capMs = capMs
    this.#resetMs = resetMs
    this.#delayMs = baseMs
  }

  /** How long to wait now: never under `atLeastMs`, which is what the server asked for. */
  next(atLeastMs = 0): number {
    const now = this.#clock.now()
    if (now - this.#lastAt > this.#resetMs) this.#delayMs = this.#baseMs
    const delayMs = Math.max(MIN_DELAY_MS, atLeastMs, this.#clock.random() * this.#delayMs)
    this.#delayMs = Math.min(this.#capMs, this.#delayMs * 2)
    this.#lastAt = now + delayMs
    return delayMs
  }
}

/** Full jitter can draw zero; a failing server is never asked more often than this. */
const MIN_DELAY_MS = 50
