import type { Placement } from '../desired/build-service.ts'
import { type Desired, recordedKeys } from '../desired/desire.ts'
import type { Selection } from '../desired/select.ts'
import type { ServiceObject } from '../kube/objects.ts'
import { bears } from '../kube/status.ts'
import { describeProblem, type Problem, type ProblemCode } from '../model/problems.ts'
import { attempt } from './attempt.ts'
import type { PassContext } from './context.ts'
import type { ClusterWriter } from './interfaces.ts'
import { publishOutcome } from './outcome.ts'
import type { ProxyResult } from './program-proxy.ts'
import { decideRelease, releasedBy } from './release.ts'
import type { Sites } from './sites.ts'

/** Problems of a proxy that come from others writing to it at the same moment. */
const PASSING: ReadonlySet<ProblemCode> = new Set(['RevisionConflict', 'WriteNotConfirmed'])

/** Writes to each Service what the proxies made of it. Resolves to whether all of that succeeded. */
export async function publishAll(
  desired: Desired,
  unrecorded: ReadonlyMap<string, Problem>,
  results: readonly ProxyResult[],
  sites: Sites,
  context: PassContext,
  signal: AbortSignal,
): Promise<boolean> {
  const { running, memory, writer, log } = context
  // What the next pass settles is no news.
  if (results.some(({ problem }) => problem !== undefined && PASSING.has(problem.code))) return false
  const published = memory.settled(running).published(results)
  const problemsOf = ({ demand }: Placement) => desired.problems.get(demand.service.metadata.uid)
  const unsettled = desired.placements.filter((placement) => !published.has(placement, problemsOf(placement)))
  const done = await Promise.all(
    unsettled.map(async (placement) => {
      const { service } = placement.demand
      if (unrecorded.has(service.metadata.uid)) return false
      const problems = problemsOf(placement)
      const { want, events } = publishOutcome(placement, problems ?? [], results, sites)
      const what = 'its status could not be written'
      const failed = await attempt(() => writer.write(service, want, signal), service, what, log, signal)
      if (failed !== undefined) return false
      // An Event after its condition: told once the condition remembers it.
      for (const event of events) writer.tell(service, event)
      if (events.length === 0 && bears(service, want)) published.note(placement, problems)
      return true
    }),
  )
  return done.every(Boolean)
}

/** Lets go of Services that no proxy serves any more. Resolves to whether none is left. */
export async function releaseAll(
  selections: readonly Selection[],
  results: readonly ProxyResult[],
  sites: Sites,
  context: PassContext,
  signal: AbortSignal,
): Promise<boolean> {
  const { running, writer, log } = context
  const done = await Promise.all(
    releasedBy(running, selections).map(async (service) => {
      const decision = decideRelease(service, results, running, sites, context.now())
      if (decision.kind === 'wait') {
        tellWaiting(service, decision.problem, writer)
        return false
      }
      running.evidence.add(recordedKeys(service))
      const what = 'it could not be released'
      const failed = await attempt(() => writer.write(service, decision.want, signal), service, what, log, signal)
      if (failed === undefined) writer.tell(service, decision.event)
      return failed === undefined
    }),
  )
  return done.every(Boolean)
}

function tellWaiting(service: ServiceObject, problem: Problem, writer: ClusterWriter): void {
  const message = `Not released yet: ${describeProblem(problem)}`
  writer.tell(service, { type: 'Warning', reason: problem.code, message: message })
}

/** Services that mean us but belong to no class: an Event is all they get, since what is not ours is never written to. */
export function tellRefused(selections: readonly Selection[], { writer }: PassContext): void {
  for (const one of selections) {
    if (one.kind !== 'refused') continue
    writer.tell(one.service, { type: 'Warning', reason: one.problem.code, message: describeProblem(one.problem) })
  }
}
