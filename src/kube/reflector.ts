import { errorText, FairwayError } from '../model/problems.ts'
import type { KubeClient } from './client.ts'
import { Backoff, type Clock, sleep, systemClock } from './clock.ts'
import { ApiError, isExpired, isTooNew } from './errors.ts'
import type { Log } from './log.ts'
import type { KubeObject } from './objects.ts'
import type { Resource } from './resources.ts'
import { objectKey, Store, type StoreReader } from './store.ts'
import { Watch, type WatchEvent } from './watch.ts'
import { fromWire, type RawList } from './wire.ts'

export type ReflectorState = 'idle' | 'streaming' | 'listing' | 'watching' | 'waiting' | 'stopped'

type Retry = 'streaming' | 'listing' | 'watching'

type Step =
  | { readonly kind: 'streaming' }
  | { readonly kind: 'listing' }
  | { readonly kind: 'watching'; readonly watch?: Watch }
  | { readonly kind: 'waiting'; readonly delayMs: number; readonly retry: Retry }

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
}

const PAGE_SIZE = 500
const LIST_TIMEOUT_MS = 60_000
/** A streaming list that sends nothing for this long is given up for a paged one. */
const SILENT_LIST_MS = 30_000
/** client-go: a watch that ends sooner and without an event is a failure, lest a broken server be asked in a loop. */
const SHORT_WATCH_MS = 1000
/** Bookmarks come about every minute. A watch this old that never brought anything may wait at a version that the server has yet to reach. */
const SILENT_WATCH_MS = 180_000
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end'

/**
 * Keeps a Store equal to one collection of the cluster. A state machine, after client-go's reflector and kube-rs' watcher:
 *
 * | state     | does                                                  | well            | 410, version too new | unreachable, 429, 401, 403 | 5xx                | other 4xx          |
 * | --------- | ----------------------------------------------------- | --------------- | -------------------- | -------------------------- | ------------------ | ------------------ |
 * | streaming | watch with sendInitialEvents (KEP-3157), swap at end  | watching, same stream | wait, streaming at the newest version | wait, streaming | wait, listing | listing |
 * | listing   | GET in pages of 500, swap after the last              | watching        | wait, streaming at the newest version | wait, streaming | wait, streaming | wait, streaming |
 * | watching  | watch from the last version                           | watching again  | wait, streaming      | wait, watching             | wait, watching     | wait, streaming    |
 *
 * An error never empties the store. Lists are at least as new as what was seen before, so the cache never goes back in time.
 */
export class Reflector<T extends KubeObject> {
  readonly #store: Store<T>
  readonly #client: KubeClient
  readonly #resource: Resource<T>
  readonly #log: Log
  readonly #clock: Clock
  readonly #backoff: Backoff
  readonly #pageSize: number
  readonly #counters = { lists: 0, watches: 0, events: 0, failures: 0 }
  #state: ReflectorState = 'idle'
  #lastError: FairwayError | undefined
  #contactAt: number | undefined
  /** The newest resource version seen; empty: ask for the newest there is. */
  #version = ''

  constructor(options: ReflectorOptions<T>) {
    this.#client = options.client
    this.#resource = options.resource
    this.#log = options.log
    this.#clock = options.clock ?? systemClock
    this.#pageSize = options.pageSize ?? PAGE_SIZE
    this.#backoff = new Backoff(this.#clock)
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
    return this.#lastError
  }

  get counters(): ReflectorCounters {
    return { ...this.#counters }
  }

  /** How long ago the API server last sent anything, in milliseconds; undefined: never. A healthy watch brings a bookmark a minute. */
  get silentMs(): number | undefined {
    return this.#contactAt === undefined ? undefined : this.#clock.now() - this.#contactAt
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
        await sleep(this.#clock, step.delayMs, signal)
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
        collect(found, event, this.#keep(event))
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
    let token: string | undefined
    do {
      const page = await this.#page(token, signal)
      this.#reached()
      for (const item of page.items ?? []) {
        const object = this.#resource.keep(item)
        if (object !== undefined) found.push(object)
      }
      token = page.metadata?.continue === '' ? undefined : page.metadata?.continue
      if (token === undefined) this.#swap(found, page.metadata?.resourceVersion)
    } while (token !== undefined)
    return { kind: 'watching' }
  }

  async #page(token: string | undefined, signal: AbortSignal): Promise<RawList> {
    // Without a match, a limit would pin the list to exactly this version (API concepts: "resourceVersion in list").
    const start = this.#version === '' ? {} : { resourceVersion: this.#version, resourceVersionMatch: 'NotOlderThan' }
    const query = { limit: this.#pageSize, ...(token === undefined ? start : { continue: token }) }
    const response = await this.#client.request(
      { method: 'GET', path: this.#resource.path, query, timeoutMs: LIST_TIMEOUT_MS },
      signal,
    )
    return fromWire<RawList>(response.body)
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

  #apply(event: WatchEvent): void {
    this.#counters.events += 1
    const { namespace, name = '', uid = '', resourceVersion = '' } = event.object.metadata ?? {}
    if (event.type !== 'BOOKMARK') {
      const object = event.type === 'DELETED' ? undefined : this.#keep(event)
      if (object === undefined) this.#store.remove({ key: objectKey(namespace, name), uid, resourceVersion })
      else this.#store.apply(object)
    }
    if (resourceVersion !== '') this.#version = resourceVersion
  }

  #keep(event: WatchEvent): T | undefined {
    return event.type === 'BOOKMARK' ? undefined : this.#resource.keep(event.object)
  }

  #swap(objects: readonly T[], version: string | undefined): void {
    this.#store.replace(objects)
    this.#version = version ?? ''
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
    this.#contactAt = this.#clock.now()
    if (this.#lastError === undefined) return
    this.#lastError = undefined
    this.#log.info({}, 'the API server answers again')
  }

  /** The table above, as code. */
  #failed(during: Step['kind'], error: unknown, signal: AbortSignal): Step {
    if (signal.aborted || during === 'waiting') return { kind: 'streaming' }
    this.#counters.failures += 1
    this.#report(during, error)
    const status = error instanceof ApiError ? error.status : undefined
    const lost = isExpired(error) || isTooNew(error)
    if (lost && during !== 'watching') this.#version = ''
    const refused = status !== undefined && status >= 400 && status < 500 && ![401, 403, 410, 429].includes(status)
    if (during === 'streaming' && refused) return { kind: 'listing' }
    const retryAfterMs = error instanceof ApiError ? Math.min(error.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS) : 0
    return {
      kind: 'waiting',
      delayMs: this.#backoff.next(retryAfterMs),
      retry: afterFailure(during, lost, refused, error),
    }
  }

  #report(during: ReflectorState, error: unknown): void {
    const known =
      error instanceof FairwayError ? error : new FairwayError(brokenStream(this.#resource.name, error), error)
    const level = known.message === this.#lastError?.message || isExpired(error) ? 'debug' : 'warn'
    this.#lastError = known
    this.#log[level]({ state: during, err: error }, known.message)
  }
}

const MAX_RETRY_AFTER_MS = 60_000

function afterFailure(during: Retry, lost: boolean, refused: boolean, error: unknown): Retry {
  if (during === 'watching') return lost || refused ? 'streaming' : 'watching'
  // A streaming list that broke off or met a 5xx may do so each time, for instance through a proxy: the plain list is tried in between.
  const reached = error instanceof ApiError ? error.status >= 500 : !(error instanceof FairwayError)
  return during === 'streaming' && reached && !lost ? 'listing' : 'streaming'
}

function collect<T extends KubeObject>(found: Map<string, T>, event: WatchEvent, object: T | undefined): void {
  const key = objectKey(event.object.metadata?.namespace, event.object.metadata?.name ?? '')
  if (event.type === 'DELETED' || object === undefined) found.delete(key)
  else found.set(key, object)
}

function brokenStream(resource: string, error: unknown): FairwayError['problem'] {
  return {
    code: 'ApiUnreachable',
    kind: 'transient',
    message: `Following ${resource} failed: ${errorText(error)}`,
    remedy: 'Wait: it is tried again',
  }
}
