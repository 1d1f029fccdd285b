import type { ServiceObject } from '../kube/objects.ts'
import type { ServiceWant } from '../kube/status.ts'

/** Overwritten this often within the time, a status is left to whoever overwrites it. */
const MOST_ROUNDS = 3
const WITHIN_MS = 10 * 60_000
const MOST_REMEMBERED = 10_000

interface Published {
  /** What we last put into status.loadBalancer.ingress, for certain. */
  readonly addresses: string
  /** When it was found overwritten, epoch milliseconds. */
  readonly overwrittenAt: readonly number[]
  /** Whether it is still to be put right: until that has succeeded, nobody can have overwritten it again. */
  readonly open: boolean
}

export type Verdict =
  /** Write all that is wanted. */
  | 'write'
  /** The last round: leave the address from now on, and say so. */
  | 'give up'
  /** Leave the address. */
  | 'left'

/** Tells a status that somebody cleared, to be restored, from one that another controller claims again and again. */
export interface Contest {
  /** Judges a write before it is made. */
  judge(service: ServiceObject, want: ServiceWant, nowMs: number): Verdict
  /** Says that a write has succeeded, or found everything in place. */
  written(service: ServiceObject, want: ServiceWant): void
}

export function createContest(): Contest {
  const known = new Map<string, Published>()
  const remember = (uid: string, published: Published) => {
    known.delete(uid)
    known.set(uid, published)
    const [oldest] = known.keys()
    if (known.size > MOST_REMEMBERED && oldest !== undefined) known.delete(oldest)
  }
  return {
    judge: (service, { ingress }, nowMs) => {
      const { uid } = service.metadata
      // We take our own address away: what comes after that is a new beginning.
      if (ingress?.length === 0) known.delete(uid)
      if (ingress === undefined || ingress.length === 0) return 'write'
      const wanted = addressesOf(ingress)
      const before = known.get(uid)
      if (before?.addresses !== wanted) return 'write'
      if (before.overwrittenAt.length >= MOST_ROUNDS && !before.open) return 'left'
      if (before.open || addressesOf(service.status.loadBalancer.ingress) === wanted) return 'write'
      const overwrittenAt = [...before.overwrittenAt.filter((at) => nowMs - at < WITHIN_MS), nowMs]
      const last = overwrittenAt.length >= MOST_ROUNDS
      remember(uid, { addresses: wanted, overwrittenAt, open: !last })
      return last ? 'give up' : 'write'
    },
    written: (service, { ingress }) => {
      // Of another type the API server empties it, which is no rival's doing.
      if (ingress === undefined || ingress.length === 0 || service.spec.type !== 'LoadBalancer') return
      const { uid } = service.metadata
      const addresses = addressesOf(ingress)
      const before = known.get(uid)
      const overwrittenAt = before?.addresses === addresses ? before.overwrittenAt : []
      remember(uid, { addresses, overwrittenAt, open: false })
    },
  }
}

function addressesOf(ingress: readonly { readonly ip?: string | undefined }[]): string {
  return ingress.map(({ ip }) => ip ?? '').join()
}
