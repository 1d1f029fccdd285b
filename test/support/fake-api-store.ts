import { fromWire } from '../../src/kube/wire.ts'

export interface FakeObject {
  readonly [field: string]: unknown
  readonly metadata: {
    readonly [field: string]: unknown
    readonly name: string
    readonly namespace?: string | undefined
  }
}

export interface StoredObject extends FakeObject {
  readonly metadata: FakeObject['metadata'] & { readonly uid: string; readonly resourceVersion: string }
}

export interface FakeChange {
  readonly version: number
  readonly collection: string
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: StoredObject
}

/** What a FakeApiServer holds: collections with one resource version over all, and the changes that led to it. */
export class FakeStore {
  readonly #collections = new Map<string, Map<string, StoredObject>>()
  readonly #onChange: (change: FakeChange) => void
  #history: FakeChange[] = []
  #compacted = 0
  #version = 100
  #uids = 0

  constructor(onChange: (change: FakeChange) => void) {
    this.#onChange = onChange
  }

  get version(): number {
    return this.#version
  }

  isCompacted(version: number): boolean {
    return version < this.#compacted
  }

  since(version: number, collection: string): readonly FakeChange[] {
    return this.#history.filter((change) => change.collection === collection && change.version > version)
  }

  put(collection: string, object: FakeObject): StoredObject {
    const objects = this.#objects(collection)
    const key = `${object.metadata.namespace ?? ''}/${object.metadata.name}`
    const before = objects.get(key)
    this.#version += 1
    if (before === undefined) this.#uids += 1
    const identity = { uid: before?.metadata.uid ?? `uid-${this.#uids}`, resourceVersion: String(this.#version) }
    const stored = { ...object, metadata: { ...object.metadata, ...identity } }
    objects.set(key, stored)
    this.#change({
      version: this.#version,
      collection,
      type: before === undefined ? 'ADDED' : 'MODIFIED',
      object: stored,
    })
    return stored
  }

  remove(collection: string, namespace: string, name: string): void {
    const before = this.get(collection, namespace, name)
    if (before === undefined) return
    this.#objects(collection).delete(`${namespace}/${name}`)
    this.#version += 1
    const object = { ...before, metadata: { ...before.metadata, resourceVersion: String(this.#version) } }
    this.#change({ version: this.#version, collection, type: 'DELETED', object })
  }

  list(collection: string): readonly StoredObject[] {
    return [...this.#objects(collection).values()]
  }

  get(collection: string, namespace: string, name: string): StoredObject | undefined {
    return this.#objects(collection).get(`${namespace}/${name}`)
  }

  /** Forgets the past: whoever asks for it gets 410. */
  compact(): void {
    this.#version += 1
    this.#compacted = this.#version
    this.#history = []
  }

  /** Goes back in time, as when etcd is restored from a backup. */
  rewind(version: number): void {
    this.#version = version
    this.#history = []
    this.#compacted = 0
  }

  #objects(collection: string): Map<string, StoredObject> {
    const objects = this.#collections.get(collection) ?? new Map<string, StoredObject>()
    this.#collections.set(collection, objects)
    return objects
  }

  #change(change: FakeChange): void {
    this.#history.push(change)
    this.#onChange(change)
  }
}

interface Patchable {
  readonly metadata: {
    readonly finalizers?: readonly string[]
    readonly annotations?: Readonly<Record<string, string | null>>
    readonly '$deleteFromPrimitiveList/finalizers'?: readonly string[]
  }
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly $patch?: string }[] }
}

/** As much of strategic merge as Fairway's own patches use. */
export function mergePatch(stored: StoredObject, patch: FakeObject): FakeObject {
  const before = fromWire<Patchable>(stored)
  const { metadata, status } = fromWire<Patchable>(patch.metadata === undefined ? { ...patch, metadata: {} } : patch)
  const removed = new Set(metadata['$deleteFromPrimitiveList/finalizers'])
  const finalizers = new Set([...(metadata.finalizers ?? []), ...(before.metadata.finalizers ?? [])])
  const annotations = Object.entries({ ...before.metadata.annotations, ...metadata.annotations })
  const changed = new Map((status?.conditions ?? []).map((condition) => [condition.type, condition]))
  const kept = (before.status?.conditions ?? []).filter(({ type }) => !changed.has(type))
  const conditions = [...[...changed.values()].filter(({ $patch }) => $patch !== 'delete'), ...kept]
  const hasStatus = before.status !== undefined || status !== undefined
  return {
    ...stored,
    ...patch,
    metadata: {
      ...stored.metadata,
      finalizers: [...finalizers].filter((name) => !removed.has(name)),
      annotations: Object.fromEntries(annotations.filter(([, value]) => value !== null)),
    },
    ...(hasStatus && { status: { ...before.status, ...status, conditions } }),
  }
}
