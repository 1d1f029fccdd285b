import { abortReason, type Clock, systemClock } from './clock.ts'

export interface WorkqueueOptions {
  readonly clock?: Clock | undefined
  /** Of the delay before a retry, doubled with each failure of the same key. */
  readonly baseMs?: number | undefined
  readonly capMs?: number | undefined
}

const DEFAULT_BASE_MS = 1000
const DEFAULT_CAP_MS = 300_000

/**
 * Keys to be worked on, with the guarantees of client-go's workqueue (util/workqueue/queue.go):
 *
 * - A key is given out to one worker at a time, and never again before `done`.
 * - A key that is added while it is worked on is given out once more afterwards: no change is lost.
 * - However often a key is added while it waits, it is given out once.
 * - Of several delays for a key the earliest wins. Adding it without a delay waits for none and cancels none.
 * - `retry` waits longer with each call for a key, until `forget`.
 *
 * Keys say what to look at, never what has happened.
 */
export class Workqueue {
  readonly #clock: Clock
  readonly #baseMs: number
  readonly #capMs: number
  /** Waiting to be given out. A part of #dirty, and apart from #processing. */
  readonly #queue: string[] = []
  /** To be worked on, now or after `done`. */
  readonly #dirty = new Set<string>()
  readonly #processing = new Set<string>()
  readonly #delayed = new Map<string, { readonly at: number; readonly cancel: () => void }>()
  readonly #failures = new Map<string, number>()
  readonly #takers: ((key: string | undefined) => void)[] = []
  #shutDown = false

  constructor(options: WorkqueueOptions = {}) {
    this.#clock = options.clock ?? systemClock
    this.#baseMs = options.baseMs ?? DEFAULT_BASE_MS
    this.#capMs = options.capMs ?? DEFAULT_CAP_MS
  }

  /** How many keys could be given out at once. */
  get length(): number {
    return this.#queue.length
  }

  /** Asks for a key to be worked on. */
  add(key: string): void {
    if (this.#shutDown || this.#dirty.has(key)) return
    this.#dirty.add(key)
    if (this.#processing.has(key)) return
    this.#queue.push(key)
    this.#serve()
  }

  /** Asks for a key to be worked on later. */
  addAfter(key: string, delayMs: number): void {
    if (this.#shutDown) return
    if (delayMs <= 0) return this.add(key)
    const at = this.#clock.now() + delayMs
    const waiting = this.#delayed.get(key)
    if (waiting !== undefined && waiting.at <= at) return
    waiting?.cancel()
    const cancel = this.#clock.setTimer(delayMs, () => {
      this.#delayed.delete(key)
      this.add(key)
    })
    this.#delayed.set(key, { at, cancel })
  }

  /** Asks for a key to be worked on again after it failed. Returns the delay. `atLeastMs` is what somebody else asked us to wait. */
  retry(key: string, atLeastMs = 0): number {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    const delayMs = Math.max(atLeastMs, Math.min(this.#capMs, this.#baseMs * 2 ** failures))
    this.addAfter(key, delayMs)
    return delayMs
  }

  /** Ends the counting of failures of a key: it succeeded, or is not tried any more. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  /** How often a key has failed since it was last forgotten. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  /** Waits for a key; undefined once the queue is shut down and empty. Whoever gets one says `done` when the work has ended. */
  take(signal: AbortSignal): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const onAbort = (): void => {
        this.#takers.splice(this.#takers.indexOf(taker), 1)
        reject(abortReason(signal))
      }
      const taker = (key: string | undefined): void => {
        signal.removeEventListener('abort', onAbort)
        resolve(key)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#takers.push(taker)
      this.#serve()
    })
  }

  /** Ends the work on a key. */
  done(key: string): void {
    this.#processing.delete(key)
    if (this.#dirty.has(key)) this.#queue.push(key)
    this.#serve()
  }

  /** Accepts nothing more. What is queued is still given out; delays are dropped. */
  shutDown(): void {
    this.#shutDown = true
    for (const { cancel } of this.#delayed.values()) cancel()
    this.#delayed.clear()
    this.#serve()
  }

  #serve(): void {
    while (this.#takers.length > 0 && this.#queue.length > 0) this.#takers.shift()?.(this.#give())
    if (!this.#shutDown || this.#queue.length > 0) return
    // A key that is dirty while it is worked on comes back: its worker will ask again after `done`.
    for (const taker of this.#takers.splice(0)) taker(undefined)
  }

  #give(): string | undefined {
    const key = this.#queue.shift()
    if (key === undefined) return undefined
    this.#processing.add(key)
    this.#dirty.delete(key)
    return key
  }
}
