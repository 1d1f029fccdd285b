import { errorText, FairwayError } from '../model/problems.ts'
import type { ApiRequest, KubeClient } from './client.ts'
import { type Clock, pause, systemClock } from './clock.ts'
import { ApiError } from './errors.ts'
import { type Correlated, EventCorrelator, type EventNote, type EventSubject } from './event-correlator.ts'
import type { Log } from './log.ts'

const COMPONENT = 'fairway'
/** API limit for the note of an Event. */
const LONGEST_MESSAGE = 1024
/** As many as Services may come at once. */
const MOST_QUEUED = 10_000
/** client-go, tools/record/event.go: twelve tries, ten seconds apart, the first pause of random length. */
const MOST_TRIES = 12
const RETRY_MS = 10_000
const CLOSE_MS = 3000
/** How long an Event lets what is more urgent go first, and how often it looks whether that is through. */
const YIELD = { atMostMs: 1000, everyMs: 50 }

/** Something to tell about a Service. */
export interface ServiceNote {
  readonly object: { readonly metadata: EventSubject }
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

export interface EventRecorderOptions {
  readonly client: KubeClient
  readonly log: Log
  readonly clock?: Clock | undefined
  /** Which of several replicas: the pod's name. */
  readonly instance?: string | undefined
  /** Whether writes wait that somebody waits for: they share an API server with Events. */
  readonly isBusy?: (() => boolean) | undefined
}

/** For the prefix of combined Events. */
const COMBINED_ROOM = 40

/**
 * Writes core/v1 Events about Services. Not events.k8s.io/v1: `kubectl describe` shows count and component of the former ("x5 over 10m",
 * "From fairway"), and both are stored alike.
 */
export class EventRecorder {
  readonly #client: KubeClient
  readonly #log: Log
  readonly #clock: Clock
  readonly #instance: string
  readonly #isBusy: () => boolean
  readonly #correlator: EventCorrelator
  readonly #queue: EventNote[] = []
  readonly #stop = new AbortController()
  readonly #ended: Promise<void>
  #busy = false
  #dropped = 0
  #onWork: (() => void) | undefined
  #onIdle: (() => void)[] = []

  constructor(options: EventRecorderOptions) {
    this.#client = options.client
    this.#log = options.log
    this.#clock = options.clock ?? systemClock
    this.#instance = options.instance ?? ''
    this.#isBusy = options.isBusy ?? (() => false)
    this.#correlator = new EventCorrelator(this.#clock)
    this.#ended = this.#run(this.#stop.signal)
  }

  /** Tells about a Service. Never throws and never waits; what cannot be written is logged. */
  record({ object, type, reason, message }: ServiceNote): void {
    if (this.#queue.length >= MOST_QUEUED) {
      this.#dropped += 1
      if (this.#dropped === 1)
        this.#log.warn({ queued: MOST_QUEUED }, 'Events are dropped: too many wait for the API server')
      return
    }
    const { namespace, name, uid } = object.metadata
    const subject = { namespace, name, uid }
    this.#queue.push({ subject, type, reason, message: message.slice(0, LONGEST_MESSAGE - COMBINED_ROOM) })
    this.#onWork?.()
  }

  /** Writes what is still queued, for a few seconds at most, and ends. */
  async close(): Promise<void> {
    const cancel = this.#clock.setTimer(CLOSE_MS, () => this.#stop.abort())
    await this.drained()
    cancel()
    this.#stop.abort()
    await this.#ended
  }

  /** Resolves when nothing is queued or under way. */
  async drained(): Promise<void> {
    if (!this.#busy && this.#queue.length === 0) return
    await new Promise<void>((resolve) => {
      this.#onIdle.push(resolve)
    })
  }

  async #run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#onWork?.(), { once: true })
    while (!signal.aborted) {
      const note = this.#queue.shift()
      this.#busy = note !== undefined
      if (note === undefined) await this.#idle()
      else {
        await this.#letPass(signal)
        await this.#write(note, signal)
      }
    }
    this.#busy = false
    this.#queue.length = 0
    this.#tellIdle()
  }

  async #idle(): Promise<void> {
    this.#dropped = 0
    this.#tellIdle()
    await new Promise<void>((resolve) => {
      this.#onWork = resolve
    })
    this.#onWork = undefined
  }

  #tellIdle(): void {
    for (const resolve of this.#onIdle.splice(0)) resolve()
  }

  /** Lets more urgent writes go first, for so long that even then Events come through. */
  async #letPass(signal: AbortSignal): Promise<void> {
    const deadline = this.#clock.now() + YIELD.atMostMs
    while (this.#isBusy() && this.#clock.now() < deadline && !signal.aborted) {
      await pause(this.#clock, YIELD.everyMs, signal)
    }
  }

  async #write(note: EventNote, signal: AbortSignal): Promise<void> {
    let correlated = this.#correlator.correlate(note)
    for (let tries = 1; correlated !== undefined && !signal.aborted; tries += 1) {
      try {
        await this.#client.request(this.#requestFor(correlated), signal)
        this.#correlator.remember(correlated)
        return
      } catch (error) {
        if (error instanceof ApiError && error.status === 404 && correlated.exists) {
          correlated = this.#correlator.renew(correlated)
          continue
        }
        if (signal.aborted) return
        if (!isPassing(error) || tries >= MOST_TRIES) {
          const { namespace, name } = note.subject
          this.#log.warn(
            { service: `${namespace}/${name}`, reason: note.reason, err: error },
            `An Event could not be written: ${errorText(error)}`,
          )
          return
        }
        const delayMs = tries === 1 ? RETRY_MS * this.#clock.random() : RETRY_MS
        await pause(this.#clock, delayMs, signal)
      }
    }
  }

  #requestFor(correlated: Correlated): ApiRequest {
    const now = new Date(this.#clock.wallNow()).toISOString().replace(/\.\d+/, '')
    return correlated.exists ? patchRequest(correlated, now) : createRequest(correlated, now, this.#instance)
  }
}

/** Any other answer would be the same next time (client-go: recordEvent). */
function isPassing(error: unknown): boolean {
  if (error instanceof ApiError) return error.status === 429 || error.status >= 500
  return error instanceof FairwayError
}

function createRequest({ note, record }: Correlated, now: string, instance: string): ApiRequest {
  const { namespace, name, uid } = note.subject
  return {
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/events`,
    body: {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: record.name, namespace },
      involvedObject: { apiVersion: 'v1', kind: 'Service', namespace, name, uid },
      type: note.type,
      reason: note.reason,
      message: note.message,
      source: { component: COMPONENT },
      reportingComponent: COMPONENT,
      reportingInstance: instance,
      firstTimestamp: record.firstTimestamp,
      lastTimestamp: now,
      count: record.count,
    },
  }
}

function patchRequest({ note, record }: Correlated, now: string): ApiRequest {
  return {
    method: 'PATCH',
    path: `/api/v1/namespaces/${note.subject.namespace}/events/${record.name}`,
    contentType: 'application/strategic-merge-patch+json',
    body: { message: note.message, count: record.count, lastTimestamp: now },
  }
}
