import type { KubeClient } from '../kube/client.ts'
import { systemClock } from '../kube/clock.ts'
import { createComeback } from '../kube/comeback.ts'
import type { EndpointSliceObject, KubeObject, ServiceObject } from '../kube/objects.ts'
import { Reflector } from '../kube/reflector.ts'
import { ENDPOINT_SLICES, NODES, type Resource, SERVICES } from '../kube/resources.ts'
import type { StoreReader } from '../kube/store.ts'
import { serviceName } from '../model/table.ts'
import type { ClusterView, Log } from './interfaces.ts'
import type { CacheFacts } from './meter.ts'

/** The caches of everything that a pass reads. */
export interface Caches extends ClusterView {
  readonly services: () => readonly ServiceObject[]
  readonly serviceStore: StoreReader<ServiceObject>
  /** Whether all have been filled once. Nothing may plan before. */
  synced(): boolean
  /** What keeps them from being current, by resource; empty: nothing. */
  troubles(): Readonly<Record<string, string>>
  /** Calls back on every change. */
  onChange(listener: () => void): void
  /** Resolves when the signal has ended all of them. */
  readonly ended: Promise<void>
}

/** The caches as this process fills them. */
export interface OwnCaches extends Caches {
  health(): readonly CacheFacts[]
}

/** Starts the caches of Services, Nodes and EndpointSlices; they fill and refill themselves until the signal ends them. */
export function startCaches(client: KubeClient, log: Log, signal: AbortSignal): OwnCaches {
  const comeback = createComeback(systemClock)
  const reflect = <T extends KubeObject>(resource: Resource<T>) =>
    new Reflector({ client, resource, log: log.child({ resource: resource.name }), comeback })
  const [services, nodes, slices] = [reflect(SERVICES), reflect(NODES), reflect(ENDPOINT_SLICES)]
  const all = { services, nodes, endpointslices: slices }
  const slicesByService = indexSlices(slices.store)
  return {
    services: () => services.store.list(),
    serviceStore: services.store,
    nodes: () => nodes.store.list(),
    slicesOf: (service) => slicesByService(serviceName(service)),
    synced: () => Object.values(all).every(({ store }) => store.synced),
    troubles: () =>
      Object.fromEntries(
        Object.entries(all).flatMap(([name, { lastError }]) =>
          lastError === undefined ? [] : [[name, lastError.message]],
        ),
      ),
    health: () =>
      Object.entries(all).map(([kind, { store, silentMs, counters }]) => {
        return { kind, objects: store.list().length, synced: store.synced, silentMs, counters }
      }),
    onChange: (listener) => {
      for (const { store } of Object.values(all)) store.onChange(listener)
    },
    ended: Promise.all(Object.values(all).map((reflector) => reflector.run(signal))).then(() => undefined),
  }
}

/** EndpointSlices by `namespace/name` of their Service. */
export function groupSlices(
  slices: readonly EndpointSliceObject[],
): ReadonlyMap<string, readonly EndpointSliceObject[]> {
  return Map.groupBy(slices, ({ metadata, service }) => `${metadata.namespace}/${service}`)
}

/** Makes an index of EndpointSlices, in which those of a Service are in the order of their names; made anew when one has changed and somebody asks. */
function indexSlices(store: StoreReader<EndpointSliceObject>): (service: string) => readonly EndpointSliceObject[] {
  let index: ReadonlyMap<string, readonly EndpointSliceObject[]> | undefined
  store.onChange(() => {
    index = undefined
  })
  return (service) => {
    index ??= groupSlices(store.list())
    return index.get(service) ?? []
  }
}
