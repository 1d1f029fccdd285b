import { isDeepStrictEqual } from 'node:util'
import { compareText } from '../model/table.ts'
import { abortReason, type Clock } from './clock.ts'
import type { KubeObject } from './objects.ts'

/** How a change was learnt: from a watch event, by comparing a new list with the old one, or from the answer to a write of our own. */
export type ChangeSource = 'watch' | 'relist' | 'write'

/** An object that came (no `before`), went (no `after`) or changed. An object deleted and made anew is two of these: UIDs are compared. */
export interface StoreChange<T> {
  readonly before: T | undefined
  readonly after: T | undefined
  readonly source: ChangeSource
}

/**
 * Told that something changed. What to do follows from the store's content, never from the event, whose `before` and `after` are evidence
 * only; both are missing when the store has just synced.
 */
export type ChangeListener<T> = (change: StoreChange<T>) => void

/** The read side of a cache. */
export interface StoreReader<T extends KubeObject> {
  /** Whether the whole collection has been seen at least once. Errors later on neither empty nor unsync a store. */
  readonly synced: boolean
  /** All objects, sorted by namespace and name. */
  list(): readonly T[]
  /** Cluster-scoped objects have the empty namespace. */
  get(namespace: string, name: string): T | undefined
  /** Takes the answer to a write of our own, so that the next pass sees it before the watch brings it. */
  note(object: T): void
  /** Calls back on every change, until the function returned is called. */
  onChange(listener: ChangeListener<T>): () => void
}

/** Which object: its place and its incarnation. */
export interface ObjectId {
  readonly key: string
  readonly uid: string
}

/** How long an answer of our own outranks older events. Bounded because resource versions start over when etcd is restored. */
const NOTE_TTL_MS = 60_000

export function objectKey(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`
}

function idOf(object: KubeObject): ObjectId & { readonly resourceVersion: string } {
  const { namespace, name, uid, resourceVersion } = object.metadata
  return { key: objectKey(namespace, name), uid, resourceVersion }
}

/**
 * Whether one resource version is older than another of the same resource. They are decimal numbers of any length without leading zeros
 * (comparable by KEP-5504); anything else compares as not older.
 */
export function isOlder(version: string, than: string): boolean {
  if (!/^[1-9]\d*$/.test(version) || !/^[1-9]\d*$/.test(than)) return false
  return version.length === than.length ? version < than : version.length < than.length
}

/** A cache of one resource. A Reflector writes it; everybody else reads it as a StoreReader. */
export class Store<T extends KubeObject> implements StoreReader<T> {
  readonly #clock: Clock
  readonly #onListenerError: (error: unknown) => void
  readonly #listeners = new Set<ChangeListener<T>>()
  readonly #noted = new Map<string, { readonly version: string; readonly at: number }>()
  #objects = new Map<string, T>()
  #sorted: readonly T[] | undefined
  #synced = false

  constructor(clock: Clock, onListenerError: (error: unknown) => void) {
    this.#clock = clock
    this.#onListenerError = onListenerError
  }

  get synced(): boolean {
    return this.#synced
  }

  list(): readonly T[] {
    this.#sorted ??= [...this.#objects.entries()].toSorted(([a], [b]) => compareText(a, b)).map(([, object]) => object)
    return this.#sorted
  }

  get(namespace: string, name: string): T | undefined {
    return this.#objects.get(objectKey(namespace, name))
  }

  onChange(listener: ChangeListener<T>): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  note(object: T): void {
    const { key, uid, resourceVersion } = idOf(object)
    const cached = this.#objects.get(key)
    // Gone from the cache, or made anew: the watch has overtaken our answer, and nothing may rise from the dead.
    if (cached?.metadata.uid !== uid || !isOlder(cached.metadata.resourceVersion, resourceVersion)) return
    this.#noted.set(key, { version: resourceVersion, at: this.#clock.now() })
    this.#put(key, object, 'write')
  }

  /** An object as an ADDED or MODIFIED event has it. */
  apply(object: T): void {
    const { key, resourceVersion } = idOf(object)
    if (this.#isStale(key, resourceVersion)) return
    this.#put(key, object, 'watch')
  }

  /** A DELETED event, or an object that is of no interest any more. An incarnation that is gone never comes back, whatever its version. */
  remove(id: ObjectId): void {
    const before = this.#objects.get(id.key)
    if (before?.metadata.uid !== id.uid) return
    this.#objects.delete(id.key)
    this.#noted.delete(id.key)
    this.#changed({ before, after: undefined, source: 'watch' })
  }

  /** Swaps the whole content for a new list at once; listeners then hear of each difference. */
  replace(objects: readonly T[]): void {
    const before = this.#objects
    const after = new Map<string, T>()
    for (const object of objects) {
      const { key, uid, resourceVersion } = idOf(object)
      const cached = before.get(key)
      const keepCached =
        cached?.metadata.uid === uid &&
        (cached.metadata.resourceVersion === resourceVersion || this.#isStale(key, resourceVersion))
      after.set(key, keepCached ? cached : object)
    }
    this.#objects = after
    this.#sorted = undefined
    for (const key of this.#noted.keys()) if (!after.has(key)) this.#noted.delete(key)
    const first = !this.#synced
    this.#synced = true
    for (const [key, object] of before)
      if (!after.has(key)) this.#changed({ before: object, after: undefined, source: 'relist' })
    for (const [key, object] of after) this.#announce(before.get(key), object, 'relist')
    if (first) this.#changed({ before: undefined, after: undefined, source: 'relist' })
  }

  #isStale(key: string, resourceVersion: string): boolean {
    const noted = this.#noted.get(key)
    if (noted === undefined) return false
    if (isOlder(resourceVersion, noted.version) && this.#clock.now() - noted.at < NOTE_TTL_MS) return true
    this.#noted.delete(key)
    return false
  }

  #put(key: string, after: T, source: ChangeSource): void {
    const before = this.#objects.get(key)
    this.#objects.set(key, after)
    this.#sorted = undefined
    this.#announce(before, after, source)
  }

  /** Says nothing where no field that is kept has changed: a node's heartbeat, a write to fields of others. */
  #announce(before: T | undefined, after: T, source: ChangeSource): void {
    if (before === after) return
    if (before !== undefined && before.metadata.uid !== after.metadata.uid) {
      this.#changed({ before, after: undefined, source })
      this.#changed({ before: undefined, after, source })
      return
    }
    if (before === undefined || !sameContent(before, after)) this.#changed({ before, after, source })
  }

  #changed(change: StoreChange<T>): void {
    this.#sorted = undefined
    for (const listener of this.#listeners) {
      try {
        listener(change)
      } catch (error) {
        this.#onListenerError(error)
      }
    }
  }
}

/** Whether two versions of an object differ in nothing that is kept but the version itself. */
function sameContent(a: KubeObject, b: KubeObject): boolean {
  return isDeepStrictEqual(a, { ...b, metadata: { ...b.metadata, resourceVersion: a.metadata.resourceVersion } })
}

/** Waits until a store has synced. Nothing may be planned before all have. */
export function whenSynced<T extends KubeObject>(store: StoreReader<T>, signal: AbortSignal): Promise<void> {
  if (store.synced) return Promise.resolve()
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const onAbort = (): void => {
      stopListening()
      reject(abortReason(signal))
    }
    const stopListening = store.onChange(() => {
      if (!store.synced) return
      stopListening()
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
