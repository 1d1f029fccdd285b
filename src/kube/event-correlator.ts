import type { Clock } from './clock.ts'
import { Lru } from './lru.ts'

export interface EventSubject {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** Something to tell about a Service. */
export interface EventNote {
  readonly subject: EventSubject
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

/** An Event as it stands on the API server, as far as we know. */
export interface EventRecord {
  readonly name: string
  readonly count: number
  readonly firstTimestamp: string
}

/** What to write for a note: a new Event, or a higher count on one that exists. */
export interface Correlated {
  /** To be handed back to `remember` once it is written. */
  readonly key: string
  readonly note: EventNote
  readonly record: EventRecord
  readonly exists: boolean
}

/** client-go, tools/record/events_cache.go: its defaults. */
const MOST_ENTRIES = 4096
const SIMILAR_EVENTS = 10
const SIMILAR_INTERVAL_MS = 600_000
const BURST = 25
const REFILL_MS = 300_000

/**
 * Keeps Events from flooding etcd by client-go's rules (tools/record/events_cache.go): the same note again raises a count; from the tenth
 * different message under one reason within ten minutes on, one combined Event stands for all; and a subject gets 25 writes at once, then one every
 * five minutes. Normal and Warning are counted apart. Memory is bounded, whatever happens.
 */
export class EventCorrelator {
  readonly #clock: Clock
  readonly #similar = new Lru<{ readonly messages: Set<string>; at: number }>(MOST_ENTRIES)
  readonly #records = new Lru<EventRecord>(MOST_ENTRIES)
  readonly #budgets = new Lru<{ tokens: number; at: number }>(MOST_ENTRIES)
  #serial = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** What to write, or undefined where nothing may be. */
  correlate(original: EventNote): Correlated | undefined {
    const { subject, type, reason } = original
    const about = [subject.namespace, subject.name, subject.uid, type].join('\n')
    const combined = this.#isCrowded(`${about}\n${reason}`, original.message)
    const note = combined ? { ...original, message: `(combined from similar events): ${original.message}` } : original
    const key = combined ? `${about}\n${reason}` : `${about}\n${reason}\n${original.message}`
    if (!this.#spend(about)) return undefined
    const known = this.#records.get(key)
    const now = new Date(this.#clock.wallNow()).toISOString().replace(/\.\d+/, '')
    const record = known
      ? { ...known, count: known.count + 1 }
      : { name: this.#newName(subject.name), count: 1, firstTimestamp: now }
    return { key, note, record, exists: known !== undefined }
  }

  /** Takes down that a correlated Event was written. */
  remember({ key, record }: Correlated): void {
    this.#records.set(key, record)
  }

  /** The Event is gone from the API server, which keeps Events for an hour: begins a new one. */
  renew(gone: Correlated): Correlated {
    this.#records.delete(gone.key)
    return { ...gone, record: { ...gone.record, name: this.#newName(gone.note.subject.name) }, exists: false }
  }

  #isCrowded(group: string, message: string): boolean {
    const now = this.#clock.now()
    const known = this.#similar.get(group)
    const entry =
      known !== undefined && now - known.at <= SIMILAR_INTERVAL_MS ? known : { messages: new Set<string>(), at: now }
    entry.messages.add(message)
    entry.at = now
    this.#similar.set(group, entry)
    if (entry.messages.size < SIMILAR_EVENTS) return false
    const [oldest] = entry.messages
    if (oldest !== undefined) entry.messages.delete(oldest)
    return true
  }

  #spend(about: string): boolean {
    const now = this.#clock.now()
    const { tokens, at } = this.#budgets.get(about) ?? { tokens: BURST, at: now }
    const filled = Math.min(BURST, tokens + (now - at) / REFILL_MS)
    const allowed = filled >= 1
    this.#budgets.set(about, { tokens: allowed ? filled - 1 : filled, at: now })
    return allowed
  }

  /** Unique as client-go's are: the subject's name and the time in nanoseconds. The serial stands for the part no clock of ours has. */
  #newName(subject: string): string {
    this.#serial = (this.#serial + 1) % 1_000_000
    const nanoseconds = BigInt(Math.trunc(this.#clock.wallNow())) * 1_000_000n + BigInt(this.#serial)
    return `${subject}.${nanoseconds.toString(16)}`
  }
}
