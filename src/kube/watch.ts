import type { KubeClient } from './client.ts'
import { abortReason, type Clock } from './clock.ts'
import { answerError, describeRequest, type Status } from './errors.ts'
import { fromWire, type RawObject } from './wire.ts'

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: RawObject
}

type WireEvent = WatchEvent | { readonly type: 'ERROR'; readonly object: Status }

/** kube-rs asks for 290 s, client-go for 300 to 600. Drawn at random so that watches do not all end together. */
const WATCH_SECONDS = { least: 240, most: 290 }
/** What the client grants beyond the server's own timeout. A connection that is still open then is dead at the other end. */
const DEADLINE_MARGIN_MS = 5000

export interface WatchOptions {
  readonly client: KubeClient
  readonly clock: Clock
  /** Of the collection. */
  readonly path: string
  readonly query: Readonly<Record<string, string | boolean>>
}

/** One open watch. It ends by itself within five minutes. */
export class Watch {
  readonly #options: WatchOptions
  readonly #stop: AbortController
  readonly #events: AsyncGenerator<unknown, void>
  readonly #openedAt: number
  #eventAt: number

  private constructor(
    options: WatchOptions,
    stop: AbortController,
    events: AsyncGenerator<unknown, void>,
    openedAt: number,
  ) {
    this.#options = options
    this.#stop = stop
    this.#events = events
    this.#openedAt = openedAt
    this.#eventAt = options.clock.now()
  }

  /** Resolves once the server has accepted the watch. */
  static async open(options: WatchOptions, signal: AbortSignal): Promise<Watch> {
    const { client, clock, path, query } = options
    const stop = new AbortController()
    const onAbort = (): void => stop.abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    stop.signal.addEventListener('abort', () => signal.removeEventListener('abort', onAbort), { once: true })
    const seconds = Math.round(WATCH_SECONDS.least + clock.random() * (WATCH_SECONDS.most - WATCH_SECONDS.least))
    const openedAt = clock.now()
    try {
      signal.throwIfAborted()
      const events = await client.stream(
        {
          method: 'GET',
          path,
          query: { watch: true, allowWatchBookmarks: true, timeoutSeconds: seconds, ...query },
          timeoutMs: seconds * 1000 + DEADLINE_MARGIN_MS,
        },
        stop.signal,
      )
      return new Watch(options, stop, events, openedAt)
    } catch (error) {
      stop.abort()
      throw error
    }
  }

  /** Milliseconds since it was asked for. */
  get ageMs(): number {
    return this.#options.clock.now() - this.#openedAt
  }

  /** The next event; undefined when the server has ended the watch. An ERROR event is thrown. */
  async next(): Promise<WatchEvent | undefined> {
    const next = await this.#events.next()
    if (next.done === true) return undefined
    const event = fromWire<WireEvent>(next.value)
    if (event.type === 'ERROR') {
      const asked = describeRequest('GET', this.#options.path, { watch: true })
      throw answerError(asked, event.object.code ?? 500, event.object)
    }
    this.#eventAt = this.#options.clock.now()
    return event
  }

  /** Ends the watch whenever nothing comes for so long, until the function returned is called. */
  limitSilence(limitMs: number): () => void {
    const { clock } = this.#options
    const check = (): void => {
      const leftMs = limitMs - (clock.now() - this.#eventAt)
      if (leftMs > 0) cancel = clock.setTimer(leftMs, check)
      else this.#stop.abort(new Error(`nothing came for ${limitMs / 1000} s`))
    }
    let cancel = clock.setTimer(limitMs, check)
    return () => cancel()
  }

  /** Why it was ended from this side; undefined while it was not. */
  get stopReason(): Error | undefined {
    return this.#stop.signal.aborted ? abortReason(this.#stop.signal) : undefined
  }

  /** Lets go of the connection. */
  stop(): void {
    this.#stop.abort()
  }
}
