import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../../src/kube/clock.ts'
import type { Log } from '../../../src/kube/log.ts'

/** A clock that moves only when told, and a chance that is always the same. */
export class FakeClock implements Clock {
  #now = 1_000_000
  #timers = new Map<number, { readonly at: number; readonly callback: () => void }>()
  #serial = 0
  chance = 0.5

  now(): number {
    return this.#now
  }

  wallNow(): number {
    return Date.parse('2026-01-01T00:00:00Z') + this.#now - 1_000_000
  }

  random(): number {
    return this.chance
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    this.#serial += 1
    const id = this.#serial
    this.#timers.set(id, { at: this.#now + delayMs, callback })
    return () => this.#timers.delete(id)
  }

  get pending(): number {
    return this.#timers.size
  }

  /** Time passes while the process is stopped: nothing runs, and timers are late. */
  jump(byMs: number): void {
    this.#now += byMs
  }

  /** Lets time pass; what falls due runs in its order. */
  advance(byMs: number): void {
    const end = this.#now + byMs
    for (;;) {
      const due = [...this.#timers]
        .filter(([, { at }]) => at <= end)
        .toSorted(([a, x], [b, y]) => x.at - y.at || a - b)[0]
      if (due === undefined) break
      this.#timers.delete(due[0])
      this.#now = Math.max(this.#now, due[1].at)
      due[1].callback()
    }
    this.#now = end
  }
}

/** Gives real sockets time until something is so. */
export async function eventually(what: () => boolean, message = 'it never happened'): Promise<void> {
  const end = performance.now() + 5000
  while (!what()) {
    if (performance.now() > end) throw new Error(`${message}: ${what.toString()}`)
    await turn()
  }
}

export const quietLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }

function nothing(): void {
  // Tests that look at the log bring their own.
}

/** A log that remembers, as `level: message`. */
export function recordingLog(): Log & { readonly lines: string[] } {
  const lines: string[] = []
  const at = (level: string) => (_fields: object, message: string) => void lines.push(`${level}: ${message}`)
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
