import type { KubeClient } from '../kube/client.ts'
import type { EventRecorder } from '../kube/events.ts'
import type { ServiceObject } from '../kube/objects.ts'
import { writeStatus } from '../kube/status.ts'
import type { StoreReader } from '../kube/store.ts'
import { FairwayError } from '../model/problems.ts'
import { serviceName } from '../model/table.ts'
import type { ClusterWriter } from './interfaces.ts'

export interface WriterOptions {
  readonly client: KubeClient
  readonly store: StoreReader<ServiceObject>
  readonly events: Pick<EventRecorder, 'record'>
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Called right before each write; throws when this process may not write any more. */
  readonly fence: () => void
}

/** A level-triggered pass says the same again each time; it is repeated to the user no more often than this. */
const REPEAT_MS = 30 * 60_000
const MOST_REMEMBERED = 10_000

/** Writes to the cluster through the status subresource, against the newest state that the cache has of a Service. */
export function createWriter({ client, store, events, now, fence }: WriterOptions): ClusterWriter {
  const told = new Map<string, number>()
  return {
    write: async (service, want, signal) => {
      const { namespace, name, uid } = service.metadata
      const newest = store.get(namespace, name)
      if (newest === undefined || newest.metadata.uid !== uid) return false
      fence()
      const outcome = await writeStatus(client, newest, want, signal)
      switch (outcome.kind) {
        case 'unchanged':
          return true
        case 'written':
          store.note(outcome.service)
          return true
        case 'gone':
          return false
        case 'conflict':
          throw conflict(service)
      }
      return outcome satisfies never
    },
    tell: (service, event) => {
      const key = [service.metadata.uid, event.type, event.reason, event.message].join('\n')
      const last = told.get(key)
      if (last !== undefined && now() - last < REPEAT_MS) return
      told.delete(key)
      told.set(key, now())
      const [oldest] = told.keys()
      if (told.size > MOST_REMEMBERED && oldest !== undefined) told.delete(oldest)
      events.record({ object: service, ...event })
    },
  }
}

function conflict(service: ServiceObject): FairwayError {
  return new FairwayError({
    code: 'RevisionConflict',
    kind: 'transient',
    message: `Service ${serviceName(service.metadata)} changed while it was being written`,
    remedy: 'Nothing: the next pass goes on from the newer one',
  })
}
