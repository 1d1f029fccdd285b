import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { EndpointSliceObject, ServiceObject } from '../../src/kube/objects.ts'
import type { Change } from '../../src/model/driver.ts'
import { compareText, serviceName, type Table } from '../../src/model/table.ts'
import { atMost, figure, median, type Row } from './table.ts'
import { createThinker, type Scene, serve } from './thinker.ts'
import { localServices, newcomer, readyNodes, serviceListText, servicesOf, sliceOn, slicesFor } from './world.ts'

const SERVICES = 5_000
const NODES = 1_000
const WARM_UP = 12
const ROUNDS = 41

/** Does one pass and takes its time, in milliseconds. */
type Kind = (round: number) => number

/**
 * How long a pass thinks, beside the time that it takes to parse the list of Services that it thinks about.
 *
 * A pass here is what src/operator/pass.ts does with what it has read, before anything is sent: select, allocate, build, fit, hold, diff, guard, with
 * the operator's own functions. What Services account for is worked out when the guard asks for it. Caches, records, statuses and the proxy itself
 * are not in it.
 *
 * The full pass meets Services that nobody has seen before, as after a restart: they are parsed anew each time, and nothing is remembered. The other
 * passes are those of an operator that runs, with one thing changed since the pass before. The proxy answers as an edge does while nothing changes
 * there: with the table that it read before, and with the rest anew.
 *
 * The kinds take turns, so that a busy machine harms them alike, and medians are compared. What the one before left behind is collected first; what
 * a pass or the parser leaves behind while it runs is its own.
 */
export async function benchPass(signal: AbortSignal): Promise<readonly Row[]> {
  const kinds = createKinds()
  const times = new Map<string, number[]>()
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    for (const [name, run] of kinds) {
      signal.throwIfAborted()
      const took = run(round)
      if (round >= WARM_UP) times.set(name, [...(times.get(name) ?? []), took])
      await setImmediate()
    }
  }
  const ms = (name: string) => median(times.get(name) ?? [])
  const parse = ms(PARSE)
  return [
    figure(`${PARSE} of ${SERVICES} Services`, parse, 'ms'),
    atMost(`${FULL}, of ${PARSE}`, ms(FULL) / parse, '', 1),
    atMost(`${SINGLE}, of ${PARSE}`, ms(SINGLE) / parse, '', 0.1),
    ...[...times.keys()].filter((name) => name !== PARSE).map((name) => figure(name, ms(name), 'ms')),
  ]
}

const PARSE = 'JSON.parse'
const FULL = 'full pass'
const SINGLE = "one Service's setting changed"

function createKinds(): ReadonlyMap<string, Kind> {
  const text = serviceListText(SERVICES)
  const scene: Scene = { services: servicesOf(text), nodes: readyNodes(NODES), slices: [] }
  const services = localServices(scene.services)
  const local: Scene = { ...scene, services, slices: slicesFor(services, NODES) }
  const [proxy, localProxy] = [serve(scene), serve(local)]
  const next = createSeries(scene, proxy)
  const nextLocal = createSeries(local, localProxy)
  return new Map<string, Kind>([
    [PARSE, () => timed(() => JSON.parse(text) as unknown)],
    [FULL, () => takeFull({ ...scene, services: servicesOf(text) }, proxy)],
    [SINGLE, next(2, (round) => edit(scene, round, withSetting))],
    ['nothing changed', next(0, () => scene)],
    ['nothing changed, the proxy read anew', (round) => next(0, () => scene, reread(proxy))(round)],
    ['one new Service', next(2, (round) => insert(scene, newcomer(round)))],
    ['one Service deleted', next(2, (round) => edit(scene, round, deleted))],
    [
      'one node of 1,000 gone',
      next(2 * SERVICES, (round) => ({ ...scene, nodes: scene.nodes.toSpliced(at(round, NODES), 1) })),
    ],
    [
      `${FULL}, all Services Local`,
      () => takeFull({ ...local, services: structuredClone(local.services) }, localProxy),
    ],
    ['one EndpointSlice changed, all Services Local', nextLocal(2, (round) => moveEndpoints(local, round))],
  ])
}

/** A full pass of an operator that has seen nothing before. */
function takeFull(scene: Scene, proxy: Table): number {
  const think = createThinker()
  return timed(() => expectChanges(0, think(scene, proxy)))
}

/** Passes of one operator, each with so many changes, and with one back to the scene after each. */
function createSeries(scene: Scene, proxy: Table) {
  const think = createThinker()
  expectChanges(0, think(scene, proxy))
  return (changes: number, change: (round: number) => Scene, answer = proxy): Kind =>
    (round) => {
      const changed = change(round)
      const took = timed(() => expectChanges(changes, think(changed, answer)))
      expectChanges(0, think(scene, proxy))
      return took
    }
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options: { readonly type: 'minor' }) => void

function timed(work: () => unknown): number {
  // Twice: what survives the first is moved out of the way by the second.
  collect({ type: 'minor' })
  collect({ type: 'minor' })
  const start = performance.now()
  work()
  return performance.now() - start
}

function expectChanges(count: number, changes: readonly Change[]): void {
  if (changes.length !== count) throw new Error(`${changes.length} changes instead of ${count}`)
}

/** Another one each round. */
function at(round: number, count: number): number {
  return (round * 997) % count
}

function edit(scene: Scene, round: number, change: (service: ServiceObject) => ServiceObject): Scene {
  const { services } = scene
  const index = at(round, services.length)
  return { ...scene, services: services.map((service, place) => (place === index ? change(service) : service)) }
}

function withSetting(service: ServiceObject): ServiceObject {
  const annotations = { ...service.metadata.annotations, 'fairway.dev/balance': 'least-connections' }
  return { ...service, metadata: { ...service.metadata, annotations } }
}

function deleted(service: ServiceObject): ServiceObject {
  return { ...service, metadata: { ...service.metadata, deletionTimestamp: '2026-11-01T00:00:00Z' } }
}

/** In the order in which a cache lists Services. */
function insert(scene: Scene, service: ServiceObject): Scene {
  return { ...scene, services: [...scene.services, service].toSorted(byName) }
}

function byName(a: ServiceObject, b: ServiceObject): number {
  return compareText(serviceName(a.metadata), serviceName(b.metadata))
}

function moveEndpoints(scene: Scene, round: number): Scene {
  const { slices } = scene
  const index = at(round, slices.length)
  const moved = (slice: EndpointSliceObject) =>
    sliceOn(
      slice.metadata.namespace,
      slice.service,
      [7, 8, 9].map((more) => (index + more) % NODES),
    )
  return { ...scene, slices: slices.map((slice, place) => (place === index ? moved(slice) : slice)) }
}

function reread(table: Table): Table {
  return structuredClone(table)
}
