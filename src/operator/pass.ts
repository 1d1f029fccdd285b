import type { Placement } from '../desired/build.ts'
import { accountedKeys, type Desired, desireClass, recordedKeys, selectServices } from '../desired/desire.ts'
import type { Selection } from '../desired/select.ts'
import type { ServiceObject } from '../kube/objects.ts'
import { describeProblem, errorText, FairwayError, type Problem, type ProblemCode } from '../model/problems.ts'
import { type FrontendKey, frontendKey, serviceName } from '../model/table.ts'
import type { ClusterView, ClusterWriter, Log, RunningClass } from './interfaces.ts'
import { publishOutcome, recordWant } from './outcome.ts'
import { type ProxyResult, programProxy } from './program-proxy.ts'
import { decideRelease, releasedBy } from './release.ts'

export interface PassContext {
  readonly running: RunningClass
  readonly view: ClusterView
  readonly writer: ClusterWriter
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly log: Log
}

export interface PassResult {
  readonly results: readonly ProxyResult[]
  /** Whether something was left that another pass may mend: an unreachable proxy, a refused write. */
  readonly unfinished: boolean
}

/**
 * One pass of one class over the caches: select → allocate → build → record → program each proxy → publish → let go. Every step is level-triggered; over
 * an unchanged world a pass reads the proxies and writes nothing. Rejects only when the signal ends it.
 */
export async function runPass(context: PassContext, signal: AbortSignal): Promise<PassResult> {
  const { running, view } = context
  const services = view.services()
  const selections = selectServices(services, running.rules)
  const desired = desireClass(running.spec, selections, {
    services,
    nodes: view.nodes(),
    slicesOf: (service) => view.slicesOf(service),
  })
  const unrecorded = await recordAll(desired, context, signal)
  const accounted = accountedKeys(services)
  const wish = {
    table: desired.table,
    held: new Map([...desired.held, ...frontendsOf(desired, unrecorded)]),
    nodeGroups: desired.nodeGroups,
    guard: running.guard,
  }
  const results = await Promise.all(
    running.proxies.map(async (proxy) => {
      const owed = running.evidence.of(proxy.name)
      const result = await programProxy(proxy, { ...wish, accounted: accounted.union(owed) }, context.log, signal)
      if (result.problem === undefined) running.evidence.settle(proxy.name, owed)
      return result
    }),
  )
  const published = await publishAll(desired, unrecorded, results, context, signal)
  const released = await releaseAll(selections, results, context, signal)
  if (running.speaksForStrays) tellRefused(selections, context)
  const proxiesDone = results.every(({ problem, refused }) => problem === undefined && refused.size === 0)
  return { results, unfinished: !(proxiesDone && published && released && unrecorded.size === 0) }
}

/** Writes what each Service was given onto it; resolves to the UIDs of those for which that failed, and why: they get nothing new in this pass. */
async function recordAll(
  desired: Desired,
  context: PassContext,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Problem>> {
  const { running, writer, log } = context
  const failed = new Map<string, Problem>()
  await Promise.all(
    desired.placements.map(async (placement) => {
      const { service } = placement.allocation.demand
      const want = recordWant(placement, running)
      if (want === undefined) return
      running.evidence.add(droppedKeys(placement))
      const problem = await attempt(
        () => writer.write(service, want, signal),
        service,
        'its address could not be recorded',
        log,
        signal,
      )
      if (problem !== undefined) failed.set(service.metadata.uid, problem)
    }),
  )
  return failed
}

/** What a Service held until now and holds no more. */
function droppedKeys({ allocation }: Placement): readonly FrontendKey[] {
  const { addresses, ports, demand } = allocation
  const held = new Set(addresses.flatMap((address) => ports.map((port) => frontendKey({ address, ...port }))))
  return recordedKeys(demand.service).filter((key) => !held.has(key))
}

/** The frontends of some Services, each with the problem of its Service. */
function frontendsOf(
  desired: Desired,
  services: ReadonlyMap<string, Problem>,
): readonly (readonly [FrontendKey, Problem])[] {
  return desired.table.frontends.flatMap((frontend) => {
    const problem = services.get(frontend.service?.uid ?? '')
    return problem === undefined ? [] : [[frontendKey(frontend), problem] as const]
  })
}

/** Problems of a proxy that come from others writing to it at the same moment. */
const PASSING: ReadonlySet<ProblemCode> = new Set(['RevisionConflict', 'WriteNotConfirmed'])

async function publishAll(
  desired: Desired,
  unrecorded: ReadonlyMap<string, Problem>,
  results: readonly ProxyResult[],
  context: PassContext,
  signal: AbortSignal,
): Promise<boolean> {
  const { writer, log } = context
  // What the next pass settles is no news.
  if (results.some(({ problem }) => problem !== undefined && PASSING.has(problem.code))) return false
  const done = await Promise.all(
    desired.placements.map(async (placement) => {
      const { service } = placement.allocation.demand
      if (unrecorded.has(service.metadata.uid)) return false
      const { want, events } = publishOutcome(placement, desired.problems.get(service.metadata.uid) ?? [], results)
      const what = 'its status could not be written'
      const failed = await attempt(() => writer.write(service, want, signal), service, what, log, signal)
      if (failed !== undefined) return false
      // An Event after its condition: told once the condition remembers it.
      for (const event of events) writer.tell(service, event)
      return true
    }),
  )
  return done.every(Boolean)
}

async function releaseAll(
  selections: readonly Selection[],
  results: readonly ProxyResult[],
  context: PassContext,
  signal: AbortSignal,
): Promise<boolean> {
  const { running, writer, log } = context
  const done = await Promise.all(
    releasedBy(running, selections).map(async (service) => {
      const decision = decideRelease(service, results, running, context.now())
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
function tellRefused(selections: readonly Selection[], { writer }: PassContext): void {
  for (const one of selections) {
    if (one.kind !== 'refused') continue
    writer.tell(one.service, { type: 'Warning', reason: one.problem.code, message: describeProblem(one.problem) })
  }
}

/** Runs one write. A failure is logged, left to a later pass, and returned. */
async function attempt(
  write: () => Promise<unknown>,
  service: ServiceObject,
  what: string,
  log: Log,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  try {
    await write()
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    const problem: Problem =
      error instanceof FairwayError
        ? error.problem
        : {
            code: 'ApiUnreachable',
            kind: 'transient',
            message: errorText(error),
            remedy: 'See the log of the operator',
          }
    log.warn({ service: serviceName(service.metadata), code: problem.code, err: error }, `${what}: ${problem.message}`)
    return problem
  }
}
