import { type OwnerName, type OwnerParts, ownerName } from './owners.ts'
import { type Refused, refuse } from './refusal.ts'
import type { Write } from './writes.ts'

/** A write that somebody waits for. */
export interface Proposal<T> {
  readonly owner: OwnerParts
  readonly expected: number
  readonly write: Write
  readonly settle: (outcome: T | { readonly refused: Refused }) => void
}

export interface Proposals<T> {
  /** Resolves with what becomes of a write. One that is still waiting when the signal ends it is withdrawn. */
  submit(proposal: Omit<Proposal<T>, 'settle'>, signal: AbortSignal): Promise<T | { readonly refused: Refused }>
  /** What goes into one pass: the first write of each owner, or a single one that is to be tried alone. */
  take(): readonly Proposal<T>[]
  /** Puts writes back that failed together, each to be tried alone: one bad table must not fail the others. */
  retryAlone(proposals: readonly Proposal<T>[]): void
  readonly size: () => number
  /** Refuses all that wait, and all that come. */
  close(): void
}

/** More than that wait only when something is wrong. */
const MOST = 256

export function createProposals<T>(): Proposals<T> {
  const alone: Proposal<T>[] = []
  const waiting: Proposal<T>[] = []
  let closed = false
  return {
    submit: (proposal, signal) => {
      if (closed) return Promise.resolve({ refused: stopping() })
      if (signal.aborted || waiting.length >= MOST) return Promise.resolve({ refused: tooSlow() })
      return new Promise((resolve) => {
        const withdraw = () => {
          const list = [alone, waiting].find((one) => one.includes(entry))
          list?.splice(list.indexOf(entry), 1)
          if (list !== undefined) entry.settle({ refused: tooSlow() })
        }
        const entry: Proposal<T> = {
          ...proposal,
          settle: (outcome) => {
            signal.removeEventListener('abort', withdraw)
            resolve(outcome)
          },
        }
        signal.addEventListener('abort', withdraw)
        waiting.push(entry)
      })
    },
    take: () => {
      const first = alone.shift()
      if (first !== undefined) return [first]
      const owners = new Set<OwnerName>()
      const isFirst = ({ owner }: Proposal<T>) => owners.size < owners.add(ownerName(owner)).size
      const taken = waiting.filter(isFirst)
      const rest = waiting.filter((one) => !taken.includes(one))
      waiting.splice(0, waiting.length, ...rest)
      return taken
    },
    retryAlone: (proposals) => void alone.push(...proposals),
    size: () => alone.length + waiting.length,
    close: () => {
      closed = true
      for (const one of [...alone.splice(0), ...waiting.splice(0)]) one.settle({ refused: stopping() })
    },
  }
}

function tooSlow(): Refused {
  return refuse('Busy', 'the writes before this one take too long', 'Try again')
}

function stopping(): Refused {
  return refuse('Busy', 'the edge is stopping', 'Try again')
}
