import { abortReason, type Clock, sleep, systemClock } from './clock.ts'
import { ApiError } from './errors.ts'

export interface LimiterOptions {
  /** Bounds of what may be under way at once. */
  readonly start?: number | undefined
  readonly most?: number | undefined
  readonly clock?: Clock | undefined
}

/** A task for which there is no room yet. */
interface Waiter {
  readonly signal: AbortSignal
  readonly admit: () => void
  readonly reject: (reason: unknown) => void
}

const DEFAULT_START = 8
const DEFAULT_MOST = 32
const MOST_TRIES = 5
/** Where a 429 does not say how long. */
const DEFAULT_PAUSE_MS = 1000

/**
 * Bounds what is under way towards the API server, and follows what it says: a 429 halves the limit and holds everything for the time asked
 * (API Priority and Fairness: Retry-After), each success raises it a little, as TCP does.
 */
export class Limiter {
  readonly #clock: Clock
  readonly #most: number
  /** First come first served. */
  readonly #waiting = new Set<Waiter>()
  readonly #heeded = new Map<AbortSignal, () => void>()
  #limit: number
  #running = 0
  #resumeAt = Number.NEGATIVE_INFINITY

  constructor(options: LimiterOptions = {}) {
    this.#clock = options.clock ?? systemClock
    this.#most = options.most ?? DEFAULT_MOST
    this.#limit = Math.min(this.#most, options.start ?? DEFAULT_START)
  }

  /** How many may be under way at this moment. */
  get limit(): number {
    return Math.floor(this.#limit)
  }

  get running(): number {
    return this.#running
  }

  /** Whether there is more to do than may be under way. */
  get hasWaiting(): boolean {
    return this.#waiting.size > 0
  }

  /** Runs a task once there is room, first come first served. One that the server answers with 429 is run again, up to five times in all. */
  async run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      await this.#enter(signal)
      try {
        const pauseMs = this.#resumeAt - this.#clock.now()
        if (pauseMs > 0) await sleep(this.#clock, pauseMs, signal)
        const result = await task()
        this.#limit = Math.min(this.#most, this.#limit + 1 / this.#limit)
        return result
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 429) throw error
        this.#slowDown(error)
        if (tries >= MOST_TRIES) throw error
      } finally {
        this.#leave()
      }
    }
  }

  /** The many that were under way together are one overload: the limit is halved once for all of them. */
  #slowDown(error: ApiError): void {
    const now = this.#clock.now()
    if (now >= this.#resumeAt) this.#limit = Math.max(1, this.#limit / 2)
    this.#resumeAt = Math.max(this.#resumeAt, now + (error.retryAfterMs ?? DEFAULT_PAUSE_MS))
  }

  #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#running < this.limit && this.#waiting.size === 0) {
      this.#running += 1
      return Promise.resolve()
    }
    return new Promise((admit, reject) => {
      this.#waiting.add({ signal, admit, reject })
      this.#heed(signal)
    })
  }

  #leave(): void {
    this.#running -= 1
    for (const waiter of this.#waiting) {
      if (this.#running >= this.limit) return
      this.#waiting.delete(waiter)
      this.#running += 1
      waiter.admit()
    }
    for (const [signal, onAbort] of this.#heeded) signal.removeEventListener('abort', onAbort)
    this.#heeded.clear()
  }

  /** Once for all who wait under a signal: to add a listener to thousands, or to take one away, costs a look at each of them. */
  #heed(signal: AbortSignal): void {
    if (this.#heeded.has(signal)) return
    const onAbort = (): void => {
      this.#heeded.delete(signal)
      for (const waiter of this.#waiting) {
        if (waiter.signal !== signal) continue
        this.#waiting.delete(waiter)
        waiter.reject(abortReason(signal))
      }
    }
    this.#heeded.set(signal, onAbort)
    signal.addEventListener('abort', onAbort, { once: true })
  }
}
