import { CONFIRM_ANNOTATION } from '../model/names.ts'
import type { KubeClient } from './client.ts'
import { ApiError } from './errors.ts'
import { FIELD_MANAGER } from './status.ts'
import { fromWire } from './wire.ts'

interface Annotated {
  readonly metadata?: {
    readonly resourceVersion?: string
    readonly annotations?: Readonly<Record<string, string>>
  }
}

/** Words that a person has written onto a Lease, and that nobody has heard yet. */
export function wordsOn(lease: Annotated | undefined): readonly string[] {
  return (lease?.metadata?.annotations?.[CONFIRM_ANNOTATION] ?? '').split(',').filter((word) => word !== '')
}

/** A word holds for one removal: whoever hears it takes it off, so that nobody hears it again later. */
export function withoutWords<T extends Annotated>(lease: T): T {
  const { [CONFIRM_ANNOTATION]: _, ...annotations } = lease.metadata?.annotations ?? {}
  return { ...lease, metadata: { ...lease.metadata, annotations } }
}

/** Where operators elect their leader. */
export interface LeaseId {
  readonly namespace: string
  readonly name: string
}

/**
 * Writes a word onto a Lease, beside those that wait there already. Resolves to false where there is no such Lease. It is read and written whole, which
 * is what the role of the operator allows. Rejects with a FairwayError when the API server refuses or cannot be reached.
 */
export async function sayWord(client: KubeClient, id: LeaseId, word: string, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    const lease = await readLease(client, id, signal)
    if (lease === undefined) return false
    const words = wordsOn(lease)
    if (words.includes(word)) return true
    const annotations = { ...lease.metadata?.annotations, [CONFIRM_ANNOTATION]: [...words, word].join(',') }
    const body = { ...lease, metadata: { ...lease.metadata, annotations } }
    try {
      await client.request({ method: 'PUT', path: pathOf(id), query: { fieldManager: FIELD_MANAGER }, body }, signal)
      return true
    } catch (error) {
      // The leader renews it every two seconds.
      if (!(error instanceof ApiError) || error.status !== 409) throw error
    }
  }
}

/** Whether the leader has taken a word off a Lease. */
export async function isHeard(client: KubeClient, id: LeaseId, word: string, signal: AbortSignal): Promise<boolean> {
  return !wordsOn(await readLease(client, id, signal)).includes(word)
}

async function readLease(client: KubeClient, id: LeaseId, signal: AbortSignal): Promise<Annotated | undefined> {
  try {
    return fromWire<Annotated>((await client.request({ method: 'GET', path: pathOf(id) }, signal)).body)
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined
    throw error
  }
}

function pathOf({ namespace, name }: LeaseId): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`
}
