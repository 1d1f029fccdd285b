import type { Placement } from '../desired/build-service.ts'
import type { ServiceProblem } from '../desired/demand.ts'
import { type FrontendKey, frontendKey } from '../model/table.ts'
import type { ProxyResult } from './program-proxy.ts'

/**
 * Which Services bear all that they are to be told: nearly all, at each pass. What a Service is told follows from its placement, its problems and what the
 * proxies answered, and a placement is the same object only while its Service is; so whoever was found settled needs no look while these stay as they
 * were. To forget any of it costs time, and nothing else.
 */
export interface Settled {
  /** Whether a Service was found to bear its record. */
  isRecorded(placement: Placement): boolean
  noteRecorded(placement: Placement): void
  /** What was published of the placements of a pass, beside the answers that the proxies gave in it. */
  published(results: readonly ProxyResult[]): Published
}

export interface Published {
  /** Whether a Service was found to bear what comes of its placement and problems where the proxies serve all of it. */
  has(placement: Placement, problems: readonly ServiceProblem[] | undefined): boolean
  /** Takes note of that, unless a proxy had anything to say about it. */
  note(placement: Placement, problems: readonly ServiceProblem[] | undefined): void
}

/** For one class in one configuration: its proxies are the same at each pass. */
export function createSettled(): Settled {
  const recorded = new WeakSet<Placement>()
  const published = new WeakMap<Placement, readonly ServiceProblem[]>()
  return {
    isRecorded: (placement) => recorded.has(placement),
    noteRecorded: (placement) => void recorded.add(placement),
    published: (results) => {
      const concerns = concernedBy(results)
      return {
        has: (placement, problems = NONE) => published.get(placement) === problems && !concerns(placement),
        note: (placement, problems = NONE) => {
          if (!concerns(placement)) published.set(placement, problems)
        },
      }
    },
  }
}

const NONE: readonly ServiceProblem[] = []

/** Whether any proxy said anything but that it serves all of a placement. What is wrong with a proxy as a whole concerns everybody. */
function concernedBy(results: readonly ProxyResult[]): (placement: Placement) => boolean {
  if (results.some(({ problem, heldBack }) => problem !== undefined || heldBack !== undefined)) return () => true
  const keys = new Set<FrontendKey>(
    results.flatMap(({ refused, notices }) => [...refused.keys(), ...notices.map(({ key }) => key)]),
  )
  if (keys.size === 0) return () => false
  return ({ addresses, ports }) =>
    addresses.some((address) => ports.some((port) => keys.has(frontendKey({ ...port, address }))))
}
