import { recordOf } from '../desired/record.ts'
import { isMarked } from '../desired/select.ts'
import type { KubeClient } from '../kube/client.ts'
import { Limiter } from '../kube/limiter.ts'
import type { ServiceObject } from '../kube/objects.ts'
import { readOnce } from '../kube/read-once.ts'
import { SERVICES } from '../kube/resources.ts'
import { type ServiceWant, statusPatch, writeStatus } from '../kube/status.ts'
import { FairwayError, type Problem } from '../model/problems.ts'
import { compareText, serviceName } from '../model/table.ts'
import { ourFinalizer } from '../operator/ours.ts'
import { releaseWant } from '../operator/release.ts'
import type { LeftService, ReleaseMode } from '../report/release.ts'

/** Services that change meanwhile are read anew, this many times. */
const MOST_ROUNDS = 5

export interface ReleaseRequest {
  readonly mode: ReleaseMode
  /** Classes of the configuration. */
  readonly classes: ReadonlySet<string>
  /** Classes whose proxies still have something, and why: their Services stay as they are. */
  readonly blocked: ReadonlyMap<string, Problem>
  /** Throws when this process may not write any more. */
  readonly fence: () => void
}

interface Released {
  readonly released: readonly string[]
  readonly left: readonly LeftService[]
}

/**
 * Lets go of every Service that bears something of ours: takes the finalizer off, and when draining everything else too. Reads all of them again until
 * none is left to do. Rejects when the Services cannot be read, and when the signal ends it.
 */
export async function releaseServices(
  client: KubeClient,
  request: ReleaseRequest,
  signal: AbortSignal,
): Promise<Released> {
  const limiter = new Limiter()
  const done = new Set<string>()
  for (let round = 1; ; round++) {
    const services = await readOnce(client, SERVICES, signal)
    const due = services.filter((service) => isDue(service, request))
    const problems = await Promise.all(
      due.map((service) => limiter.run(() => releaseService(client, service, request, signal), signal)),
    )
    for (const [at, problem] of problems.entries())
      if (problem === undefined) done.add(serviceName(due[at]?.metadata ?? { namespace: '', name: '' }))
    const mayMend = problems.some((problem) => problem === undefined || problem.kind === 'transient')
    if (mayMend && round < MOST_ROUNDS) continue
    const stuck = due.flatMap(({ metadata }, at) => blocking(serviceName(metadata), problems[at]))
    const left = services.flatMap((service) => leftBy(service, request) ?? [])
    return { released: [...done].toSorted(compareText), left: [...left, ...stuck] }
  }
}

/** Resolves with why a Service could not be let go; undefined when it was, or is gone. */
async function releaseService(
  client: KubeClient,
  service: ServiceObject,
  { fence, mode }: ReleaseRequest,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  fence()
  try {
    const { kind } = await writeStatus(client, service, wantOf(service, mode), signal)
    return kind === 'conflict' ? changing(serviceName(service.metadata)) : undefined
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof FairwayError)) throw error
    return error.problem
  }
}

function blocking(name: string, problem: Problem | undefined): readonly LeftService[] {
  return problem === undefined ? [] : [{ name, problem, blocks: true }]
}

/** Whether a Service bears something of ours, and is to be let go by this request. */
function isDue(service: ServiceObject, request: ReleaseRequest): boolean {
  return isOurs(service) && leftBy(service, request) === undefined && hasDifference(service, request.mode)
}

function isOurs(service: ServiceObject): boolean {
  return isMarked(service) || ourFinalizer(service) !== undefined
}

function hasDifference(service: ServiceObject, mode: ReleaseMode): boolean {
  return statusPatch(service, wantOf(service, mode), new Date(0).toISOString()) !== undefined
}

function wantOf(service: ServiceObject, mode: ReleaseMode): ServiceWant {
  if (mode === 'drain') return releaseWant(service)
  const own = ourFinalizer(service)
  // The record stays: by it the same addresses are given when Fairway is back.
  return { conditions: [], finalizers: own === undefined ? {} : { remove: [own] } }
}

/** Why a Service of ours stays as it is; undefined when it does not. */
function leftBy(service: ServiceObject, { classes, blocked, mode }: ReleaseRequest): LeftService | undefined {
  if (!isOurs(service) || !hasDifference(service, mode)) return undefined
  const name = serviceName(service.metadata)
  const className = recordOf(service)?.className
  if (className !== undefined && !classes.has(className))
    return { name, problem: strange(name, className), blocks: false }
  // Without a record it may be at any of them.
  const problem = className === undefined ? [...blocked.values()][0] : blocked.get(className)
  return problem === undefined ? undefined : { name, problem: waits(name, problem), blocks: true }
}

function strange(name: string, className: string): Problem {
  return {
    code: 'ClassUnknown',
    kind: 'terminal',
    message: `Service ${name} holds what class "${className}" gave, which the configuration does not have; it may be another Fairway's`,
    remedy: 'If it is nobody’s, take its finalizer off by hand: without that it cannot be deleted',
  }
}

function waits(name: string, { code, kind, remedy }: Problem): Problem {
  return { code, kind, message: `Service ${name} stays as it is, since a proxy may still serve it`, remedy }
}

function changing(name: string): Problem {
  return {
    code: 'RevisionConflict',
    kind: 'transient',
    message: `Service ${name} changes faster than it can be written`,
    remedy: 'Run it again when whoever writes it has come to rest',
  }
}
