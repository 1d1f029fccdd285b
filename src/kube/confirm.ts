import { CONFIRM_ANNOTATION } from '../model/names.ts'
import type { KubeClient } from './client.ts'
import { sleep, systemClock } from './clock.ts'
import { ApiError } from './errors.ts'
import { type LeaseId, leasePath, readIfThere } from './read-once.ts'
import { FIELD_MANAGER } from './status.ts'

/** After a lost race, in milliseconds. */
const RACE_MS = 50

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

/**
 * Writes a word onto a Lease, beside those that wait there already. Resolves to false where there is no such Lease. It is read and written whole, which
 * is what the role of the operator allows. Rejects with a FairwayError when the API server refuses or cannot be reached.
 */
export async function sayWord(client: KubeClient, id: LeaseId, word: string, signal: AbortSignal): Promise<boolean> {
  return rewrite(client, id, (words) => (words.includes(word) ? words : [...words, word]), signal)
}

/** Changes the words on a Lease. Resolves to false where there is none. */
async function rewrite(
  client: KubeClient,
  id: LeaseId,
  change: (words: readonly string[]) => readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  for (;;) {
    const lease = await readIfThere<Annotated>(client, leasePath(id), signal)
    if (lease === undefined) return false
    const [before, after] = [wordsOn(lease), change(wordsOn(lease))]
    if (before.join() === after.join()) return true
    const words = after.length === 0 ? {} : { [CONFIRM_ANNOTATION]: after.join(',') }
    const rest = withoutWords(lease)
    const body = { ...rest, metadata: { ...rest.metadata, annotations: { ...rest.metadata?.annotations, ...words } } }
    try {
      await client.request({ method: 'PUT', path: leasePath(id), query: { fieldManager: FIELD_MANAGER }, body }, signal)
      return true
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409) throw error
      // The leader renews it every two seconds.
      await sleep(systemClock, RACE_MS * (1 + Math.random()), signal)
    }
  }
}

/** Takes back a word that nobody has heard: an operator that starts later must not take it for one about what it sees then. Rejects as `sayWord` does. */
export async function unsayWord(client: KubeClient, id: LeaseId, word: string, signal: AbortSignal): Promise<void> {
  await rewrite(client, id, (words) => words.filter((one) => one !== word), signal)
}

/** Whether the leader has taken a word off a Lease; undefined: there is no such Lease any more. */
export async function isHeard(
  client: KubeClient,
  id: LeaseId,
  word: string,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const lease = await readIfThere<Annotated>(client, leasePath(id), signal)
  return lease === undefined ? undefined : !wordsOn(lease).includes(word)
}
