import type { KubeClient } from '../kube/client.ts'
import type { EventRecorder } from '../kube/events.ts'
import type { Limiter } from '../kube/limiter.ts'
import type { ServiceObject } from '../kube/objects.ts'
import { statusRivals } from '../kube/rivals.ts'
import { bears, type StatusOutcome, writeStatus } from '../kube/status.ts'
import type { StoreReader } from '../kube/store.ts'
import { PREFIX } from '../model/names.ts'
import { describeProblem, FairwayError, type Problem } from '../model/problems.ts'
import { serviceName } from '../model/table.ts'
import { createContest } from './contest.ts'
import type { ClusterWriter, ServiceEvent } from './interfaces.ts'
import type { Meter } from './meter.ts'
import { codeOf } from './metered-driver.ts'

export interface WriterOptions {
  readonly client: KubeClient
  readonly store: StoreReader<ServiceObject>
  readonly events: Pick<EventRecorder, 'record'>
  /** Of all writes to Services. */
  readonly limiter: Limiter
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Called right before each write; throws when this process may not write any more. */
  readonly fence: () => void
  readonly meter?: Meter | undefined
}

/** A level-triggered pass says the same again each time; it is repeated to the user no more often than this. */
const REPEAT_MS = 30 * 60_000
const MOST_REMEMBERED = 10_000

/** Writes to the cluster through the status subresource, against the newest state that the cache has of a Service. */
export function createWriter(options: WriterOptions): ClusterWriter {
  const { client, store, limiter, now, fence, meter } = options
  const contest = createContest()
  const tell = createTeller(options)
  return {
    tell,
    write: async (service, want, signal) => {
      const { namespace, name, uid } = service.metadata
      const newest = store.get(namespace, name)
      if (newest === undefined || newest.metadata.uid !== uid) return false
      const verdict = contest.judge(newest, want, now())
      if (verdict === 'give up') tell(newest, await nameRivals(client, newest, signal))
      const { ingress, ...rest } = want
      const granted = verdict === 'write' && ingress !== undefined ? { ...rest, ingress } : rest
      if (bears(newest, granted)) {
        contest.written(newest, granted)
        return true
      }
      const send = () => {
        fence()
        return writeStatus(client, newest, granted, signal)
      }
      const outcome = await meterWrite(() => limiter.run(send, signal), meter, signal)
      switch (outcome.kind) {
        case 'unchanged':
          contest.written(newest, granted)
          return true
        case 'written':
          contest.written(newest, granted)
          store.note(outcome.service)
          return true
        case 'gone':
          return false
        case 'conflict':
          throw conflict(service)
      }
      return outcome satisfies never
    },
  }
}

/** Tells the meter what became of a write. One that changed nothing was none, and one that its signal ended is no failure. */
async function meterWrite(
  write: () => Promise<StatusOutcome>,
  meter: Meter | undefined,
  signal: AbortSignal,
): Promise<StatusOutcome> {
  try {
    const outcome = await write()
    if (outcome.kind !== 'unchanged') meter?.({ kind: 'status', result: outcome.kind })
    return outcome
  } catch (error) {
    if (!signal.aborted) {
      meter?.({ kind: 'status', result: 'failed' })
      meter?.({ kind: 'error', part: 'status', code: codeOf(error) })
    }
    throw error
  }
}

/** Passes on what was not told within the last half hour. */
function createTeller({ events, now, meter }: WriterOptions): ClusterWriter['tell'] {
  const told = new Map<string, number>()
  return (service, event) => {
    const key = [service.metadata.uid, event.type, event.reason, event.message].join('\n')
    const last = told.get(key)
    if (last !== undefined && now() - last < REPEAT_MS) return
    told.delete(key)
    told.set(key, now())
    const [oldest] = told.keys()
    if (told.size > MOST_REMEMBERED && oldest !== undefined) told.delete(oldest)
    events.record({ object: service, ...event })
    meter?.({ kind: 'event', type: event.type, reason: event.reason })
  }
}

/** Says who else writes the status of a Service. Where that cannot be read, it is said without a name. */
async function nameRivals(client: KubeClient, service: ServiceObject, signal: AbortSignal): Promise<ServiceEvent> {
  let names: readonly string[] = []
  try {
    names = await statusRivals(client, service.metadata, signal)
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof FairwayError)) throw error
  }
  const problem: Problem = {
    code: 'StatusContested',
    kind: 'terminal',
    message: `The address of Service ${serviceName(service.metadata)} was overwritten three times by ${names.join(', ') || 'another controller'}; it is left alone now`,
    remedy: `Keep the other controller off it: create it anew with loadBalancerClass ${PREFIX}/CLASS, or remove its Fairway class`,
  }
  return { type: 'Warning', reason: problem.code, message: describeProblem(problem) }
}

function conflict(service: ServiceObject): FairwayError {
  return new FairwayError({
    code: 'RevisionConflict',
    kind: 'transient',
    message: `Service ${serviceName(service.metadata)} changed while it was being written`,
    remedy: 'Nothing: the next pass goes on from the newer one',
  })
}
