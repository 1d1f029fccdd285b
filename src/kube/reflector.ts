import { errorText, type FairwayError } from '../model/problems.ts'
import type { KubeClient } from './client.ts'
import { Backoff, type Clock, sleep, systemClock } from './clock.ts'
import { type Comeback, createComeback } from './comeback.ts'
import { ApiError } from './errors.ts'
import type { Log } from './log.ts'
import type { KubeObject } from './objects.ts'
import { readPages } from './pages.ts'
import { ReflectorHealth } from './reflector-health.ts'
import { afterFailure, type Retry } from './reflector-policy.ts'
import type { Resource } from './resources.ts'
import { objectKey, Store, type StoreReader } from './store.ts'
import { Watch, type WatchEvent } from './watch.ts'
import { fromWire, type RawObject } from './wire.ts'

export type ReflectorState = 'idle' | 'streaming' | 'listing' | 'watching' | 'waiting' | 'stopped'

type Step =
  | { readonly kind: 'streaming' }
  | { readonly kind: 'listing' }
  | { readonly kind: 'watching'; readonly watch?: Watch }
  | { readonly kind: 'waiting'; readonly delayMs: number; readonly retry: Retry; readonly told: boolean }

export interface ReflectorCounters {
  readonly lists: number
  readonly watches: number
  readonly events: number
  readonly failures: number
}

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: KubeClient
  readonly resource: Resource<T>
  /** One that names the resource. */
  readonly log: Log
  readonly clock?: Clock | undefined
  readonly pageSize?: number | undefined
  /** Shared with others that follow the same API server: it is back for all as soon as it is for one. */
  readonly comeback?: Comeback | undefined
}

const PAGE_SIZE = 500
/** A streaming list that sends nothing for this long is given up for a paged one. */
const SILENT_LIST_MS = 30_000
/** client-go: a watch that ends sooner and without an event is a failure, lest a broken server be asked in a loop. */
const SHORT_WATCH_MS = 1000
/** Bookmarks come about every minute. A watch this old that never brought anything may wait at a version that the server has yet to reach. */
const SILENT_WATCH_MS = 180_000
/** What a server may ask us to wait after a 429 or 503. */
const MAX_RETRY_AFTER_MS = 60_000
/** A version that is lost again so soon after a list is a trouble like others, and waits. */
const RELIST_INTERVAL_MS = 10_000
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end'

/**
 * Keeps a Store equal to one collection of the cluster. A state machine, after client-go's reflector and kube-rs' watcher:
 *
 * | state     | does                                                     | then                        |
 * | --------- | -------------------------------------------------------- | --------------------------- |
 * | streaming | watches with sendInitialEvents (KEP-3157), swaps at the end of these | watching, on the same stream |
 * | listing   | gets pages of 500, swaps after the last                  | watching                    |
 * | watching  | applies events from the last version on                  | watching, with a new request |
 * | waiting   | backs off                                                | what failed, or what stands in for it |
 *
 * What follows a failure is in reflector-policy.ts. An error never empties the store. Lists are at least as new as what was seen before, so
 * the cache does not go back in time.
 */
export class Reflector<T extends KubeObject> {
  readonly #store: Store<T>
  readonly #client: KubeClient
  readonly #resource: Resource<T>
  readonly #log: Log
  readonly #clock: Clock
  readonly #backoff: Backoff
  readonly #comeback: Comeback
  readonly #health: ReflectorHealth
  readonly #pageSize: number
  readonly #counters = { lists: 0, watches: 0, events: 0, failures: 0 }
  #state: ReflectorState = 'idle'
  #listedAt = Number.NEGATIVE_INFINITY
  /** The newest resource version seen; empty: ask for the newest there is. */
  #version = ''

  constructor(options: ReflectorOptions<T>) {
    this.#client = options.client
    this.#resource = options.resource
    this.#log = options.log
    this.#clock = options.clock ?? systemClock
    this.#pageSize = options.pageSize ?? PAGE_SIZE
    this.#backoff = new Backoff(this.#clock)
    this.#comeback = options.comeback ?? createComeback(this.#clock)
    this.#health = new ReflectorHealth(this.#clock, this.#log, this.#resource.name)
    this.#store = new Store(this.#clock, (error) => this.#log.error({ err: error }, 'a cache listener threw'))
  }

  get store(): StoreReader<T> {
    return this.#store
  }

  get state(): ReflectorState {
    return this.#state
  }

  /** What is wrong at the moment; undefined once the API server answers again. */
  get lastError(): FairwayError | undefined {
    return this.#health.lastError
  }

  get counters(): ReflectorCounters {
    return { ...this.#counters }
  }

  /** How long ago the API server last sent anything, in milliseconds; undefined: never. */
  get silentMs(): number | undefined {
    return this.#health.silentMs
  }

  /** Runs until the signal aborts, through every failure. Resolves then, with no request under way. */
  async run(signal: AbortSignal): Promise<void> {
    let step: Step = { kind: 'streaming' }
    while (!signal.aborted) {
      this.#state = step.kind
      try {
        step = await this.#take(step, signal)
      } catch (error) {
        step = this.#failed(step.kind, error, signal)
      }
    }
    if (step.kind === 'watching') step.watch?.stop()
    this.#state = 'stopped'
  }

  async #take(step: Step, signal: AbortSignal): Promise<Step> {
    switch (step.kind) {
      case 'streaming':
        return this.#streamList(signal)
      case 'listing':
        return this.#pageList(signal)
      case 'watching':
        return this.#watch(step.watch, signal)
      case 'waiting':
        // That the server answers others is no news to whom it has told a time.
        await (step.told ? sleep(this.#clock, step.delayMs, signal) : this.#comeback.wait(step.delayMs, signal))
        return { kind: step.retry }
      default:
        return step satisfies never
    }
  }

  async #streamList(signal: AbortSignal): Promise<Step> {
    this.#counters.lists += 1
    const watch = await this.#open({ sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }, signal)
    const unlimit = watch.limitSilence(SILENT_LIST_MS)
    const found = new Map<string, T>()
    try {
      for (;;) {
        const event = await this.#next(watch)
        if (event === undefined) throw new Error('the streaming list ended early')
        if (event.type === 'BOOKMARK' && event.object.metadata?.annotations?.[INITIAL_EVENTS_END] === 'true') {
          this.#swap([...found.values()], event.object.metadata.resourceVersion)
          return { kind: 'watching', watch }
        }
        this.#collect(found, event)
      }
    } catch (error) {
      watch.stop()
      throw error
    } finally {
      unlimit()
    }
  }

  async #pageList(signal: AbortSignal): Promise<Step> {
    this.#counters.lists += 1
    const found: T[] = []
    let version = ''
    for await (const page of readPages(this.#client, this.#resource.path, this.#version, this.#pageSize, signal)) {
      this.#reached()
      for (const item of page.items ?? []) {
        const object = this.#keep(item)
        if (object !== undefined) found.push(object)
      }
      version = page.metadata?.resourceVersion ?? ''
    }
    this.#swap(found, version)
    return { kind: 'watching' }
  }

  async #watch(open: Watch | undefined, signal: AbortSignal): Promise<Step> {
    const watch = open ?? (await this.#open({}, signal))
    let silent = open === undefined
    try {
      for (let event = await this.#next(watch); event !== undefined; event = await this.#next(watch)) {
        silent = false
        this.#apply(event)
      }
    } finally {
      watch.stop()
    }
    if (silent && watch.ageMs < SHORT_WATCH_MS) throw new Error('the watch ended at once')
    return { kind: silent && watch.ageMs >= SILENT_WATCH_MS ? 'streaming' : 'watching' }
  }

  #collect(found: Map<string, T>, { type, object: raw }: WatchEvent): void {
    const key = objectKey(raw.metadata?.namespace, raw.metadata?.name ?? '')
    const object = type === 'ADDED' || type === 'MODIFIED' ? this.#keep(raw) : undefined
    if (object === undefined) found.delete(key)
    else found.set(key, object)
  }

  #apply({ type, object: raw }: WatchEvent): void {
    this.#counters.events += 1
    const { namespace, name = '', uid = '', resourceVersion = '' } = raw.metadata ?? {}
    if (type !== 'BOOKMARK') {
      const object = type === 'DELETED' ? undefined : this.#keep(raw)
      if (object === undefined) this.#store.remove({ key: objectKey(namespace, name), uid })
      else this.#store.apply(object)
    }
    if (resourceVersion !== '') this.#version = resourceVersion
  }

  /** An object that cannot be read must not end the watch: it would come again, and again. What is cached of it stays. */
  #keep(raw: unknown): T | undefined {
    try {
      return this.#resource.keep(raw)
    } catch (error) {
      this.#log.error({ err: error }, `an object cannot be read, and is passed over: ${errorText(error)}`)
      const { namespace = '', name = '', uid } = fromWire<RawObject>(raw).metadata ?? {}
      const cached = this.#store.get(namespace, name)
      return cached?.metadata.uid === uid ? cached : undefined
    }
  }

  #swap(objects: readonly T[], version: string | undefined): void {
    this.#store.replace(objects)
    this.#version = version ?? ''
    this.#listedAt = this.#clock.now()
  }

  async #open(query: Readonly<Record<string, string | boolean>>, signal: AbortSignal): Promise<Watch> {
    this.#counters.watches += 1
    const { path } = this.#resource
    const from = { resourceVersion: this.#version }
    const watch = await Watch.open(
      { client: this.#client, clock: this.#clock, path, query: { ...from, ...query } },
      signal,
    )
    this.#reached()
    return watch
  }

  async #next(watch: Watch): Promise<WatchEvent | undefined> {
    const event = await watch.next()
    if (event !== undefined) this.#reached()
    return event
  }

  #reached(): void {
    const wasAway = this.#health.lastError !== undefined
    this.#health.reached()
    if (wasAway) this.#comeback.announce()
  }

  #failed(during: Step['kind'], error: unknown, signal: AbortSignal): Step {
    if (signal.aborted || during === 'waiting') return { kind: 'streaming' }
    this.#counters.failures += 1
    this.#health.failed(during, error)
    const { retry, forgetVersion, atOnce } = afterFailure(during, error)
    if (forgetVersion) this.#version = ''
    const soon = this.#clock.now() - this.#listedAt < RELIST_INTERVAL_MS
    if (atOnce && !(during === 'watching' && soon)) return { kind: retry }
    const retryAfterMs = error instanceof ApiError ? Math.min(error.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS) : 0
    return { kind: 'waiting', delayMs: this.#backoff.next(retryAfterMs), retry, told: retryAfterMs > 0 }
  }
}
