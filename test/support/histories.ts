// Random histories of a cluster: what the caches hold at one moment after the other.
import * as fc from 'fast-check'
import type { ClassSpec, ClusterState, FixedFrontend } from '../../src/desired/spec.ts'
import type { Endpoint, EndpointSliceObject, NodeObject, ServiceObject } from '../../src/kube/objects.ts'
import { PREFIX } from '../../src/model/names.ts'
import { compareText } from '../../src/model/table.ts'
import { recorded } from './allocations.ts'
import { endpoint, node, pod, rangeOf, slice } from './builders.ts'
import { newcomer, world } from './worlds.ts'

/** What the caches hold. */
export interface Scene {
  readonly services: readonly ServiceObject[]
  readonly nodes: readonly NodeObject[]
  readonly slices: readonly EndpointSliceObject[]
}

export interface History {
  readonly spec: ClassSpec
  readonly scenes: readonly Scene[]
}

export function stateOf({ services, nodes, slices }: Scene): ClusterState {
  return {
    services,
    nodes,
    slicesOf: ({ namespace, name }) =>
      slices.filter(({ metadata, service }) => metadata.namespace === namespace && service === name),
  }
}

/** What becomes of a scene. Objects that it does not touch stay the same ones, as in a cache. */
type Step = (scene: Scene, spec: ClassSpec) => Scene

/** What matters beside what is allocated. */
const dress = fc.record({
  spec: fc.constantFrom<Partial<ServiceObject['spec']>>(
    {},
    {},
    { externalTrafficPolicy: 'Local' },
    { externalTrafficPolicy: 'Local', healthCheckNodePort: 31_000, publishNotReadyAddresses: true },
    { publishNotReadyAddresses: true },
    { sessionAffinity: 'ClientIP' },
    { loadBalancerSourceRanges: ['10.0.0.0/8'] },
    { loadBalancerSourceRanges: ['010.0.0.0/8'] },
    { type: 'NodePort' },
    { type: 'ClusterIP' },
  ),
  annotations: fc.constantFrom<Readonly<Record<string, string>>>(
    {},
    {},
    { balance: 'random' },
    { 'idle-timeout': '443=5m' },
    { targets: 'pods' },
    { 'node-selector': 'role=edge' },
    { 'health-check': 'tcp' },
    { sharing: 'dedicated' },
    { sharing: 'namespace' },
    { hosts: 'a.example' },
    { address: '203.0.113.11' },
    { class: 'absent' },
  ),
  meta: fc.constantFrom<Partial<ServiceObject['metadata']>>({}, {}, {}, { deletionTimestamp: '2026-01-02T00:00:00Z' }),
  hasNodePorts: fc.constantFrom(true, true, false),
})

type Dress = typeof dress extends fc.Arbitrary<infer D> ? D : never

function wear(bare: ServiceObject, { spec, annotations, meta, hasNodePorts }: Dress): ServiceObject {
  const named = Object.entries(annotations).map(([name, value]) => [`${PREFIX}/${name}`, value])
  return {
    metadata: {
      ...bare.metadata,
      ...meta,
      annotations: { ...bare.metadata.annotations, ...Object.fromEntries(named) },
    },
    spec: {
      ...bare.spec,
      ...spec,
      ports: hasNodePorts ? bare.spec.ports : bare.spec.ports.map((port) => ({ ...port, nodePort: undefined })),
    },
    status: bare.status,
  }
}

const dressed = fc.record({ bare: newcomer, dress }).map((made) => wear(made.bare, made.dress))

const at = <T>(list: readonly T[], index: number): T | undefined => list[index % Math.max(1, list.length)]
const replace = <T>(list: readonly T[], before: T | undefined, after: T): readonly T[] =>
  list.map((one) => (one === before ? after : one))
const byPlace = (a: ServiceObject, b: ServiceObject) =>
  compareText(`${a.metadata.namespace}/${a.metadata.name}`, `${b.metadata.namespace}/${b.metadata.name}`)

/** One Service gets other wishes, and keeps its name and what is recorded on it. */
const edit: fc.Arbitrary<Step> = fc.record({ which: fc.nat(), made: dressed }).map(({ which, made }) => (scene) => {
  const before = at(scene.services, which)
  if (before === undefined) return scene
  const { name, namespace, uid, creationTimestamp } = before.metadata
  const metadata = { ...made.metadata, name, namespace, uid, creationTimestamp }
  return { ...scene, services: replace(scene.services, before, { ...made, metadata, status: before.status }) }
})

/** One Service gets another wish on top of those that it has. */
const tweak: fc.Arbitrary<Step> = fc.record({ which: fc.nat(), dress }).map((made) => (scene) => {
  const before = at(scene.services, made.which)
  if (before === undefined) return scene
  return { ...scene, services: replace(scene.services, before, wear(before, { ...made.dress, meta: {} })) }
})

/** One that comes, younger than all or older, or in the place of one of its name. */
const come: fc.Arbitrary<Step> = fc
  .record({ made: dressed, name: fc.constantFrom('n1', 'n2', 's0'), isYoung: fc.boolean(), uid: fc.nat(3) })
  .map(({ made, name, isYoung, uid }) => (scene) => {
    const age = isYoung ? { creationTimestamp: '2026-02-01T00:00:00Z' } : {}
    const metadata = { ...made.metadata, ...age, name, uid: `uid ${uid} of ${made.metadata.namespace}/${name}` }
    const isOther = (one: ServiceObject) => byPlace(one, { ...made, metadata }) !== 0
    return { ...scene, services: [...scene.services.filter(isOther), { ...made, metadata }].toSorted(byPlace) }
  })

const go: fc.Arbitrary<Step> = fc.nat().map((which) => (scene) => {
  const gone = at(scene.services, which)
  return { ...scene, services: scene.services.filter((one) => one !== gone) }
})

/** What Services are given is recorded on all of them, or on one. */
const record: fc.Arbitrary<Step> = fc.option(fc.nat(), { nil: undefined }).map((which) => (scene, spec) => {
  const written = recorded(scene.services, spec)
  if (which === undefined) return { ...scene, services: written }
  const index = which % Math.max(1, written.length)
  return { ...scene, services: scene.services.map((one, place) => (place === index ? (written[place] ?? one) : one)) }
})

const nodeNames = fc.constantFrom('n1', 'n2', 'n3', 'n4')
const changeNode: fc.Arbitrary<Step> = fc
  .record({
    name: nodeNames,
    wishes: fc.constantFrom(
      undefined,
      {},
      { labels: { role: 'edge' } },
      { ready: 'False' as const },
      { unschedulable: true },
      { deletionTimestamp: '2026-01-02T00:00:00Z' },
      { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } },
    ),
    address: fc.constantFrom('', '9', undefined),
  })
  .map(({ name, wishes, address }) => (scene) => {
    const others = scene.nodes.filter(({ metadata }) => metadata.name !== name)
    if (wishes === undefined) return { ...scene, nodes: others }
    const host = address === undefined ? '77' : `${address}${name.slice(1)}`
    const addresses = [`InternalIP 10.0.0.${host}`, `InternalIP fd00::${host}`]
    return { ...scene, nodes: [...others, node(name, addresses, wishes)] }
  })

const endpoints = fc.array(
  fc.oneof(
    fc.record({ name: nodeNames, ready: fc.boolean() }).map(({ name, ready }) => endpoint(name, { ready })),
    fc.constantFrom('10.244.0.1', '10.244.1.2', '192.0.2.7', 'x').map((address) => pod(address)),
  ),
  { maxLength: 3 },
)
const portNumbers = fc.constantFrom(8_443, 9_443)
const sliceOf = (of: ServiceObject, some: readonly Endpoint[], port: number) =>
  slice(of, some, { ports: [{ name: '', protocol: 'TCP', port }] })

/** A Service's endpoints become other ones, or get another port. */
const changeSlice: fc.Arbitrary<Step> = fc
  .record({ which: fc.nat(), some: fc.option(endpoints, { nil: undefined }), port: portNumbers })
  .map(({ which, some, port }) => (scene) => {
    const before = at(scene.slices, which)
    if (before === undefined) return scene
    const after = {
      ...before,
      endpoints: some ?? before.endpoints,
      ports: [{ name: '', protocol: 'TCP' as const, port }],
    }
    return { ...scene, slices: replace(scene.slices, before, after) }
  })

/** All that says nothing new: objects read again, another order, nothing at all. */
const idle: fc.Arbitrary<Step> = fc.constantFrom<Step>(
  (scene) => scene,
  (scene) => structuredClone(scene),
  (scene) => ({ ...scene, nodes: structuredClone(scene.nodes) }),
  (scene) => ({ ...scene, services: scene.services.toReversed() }),
)

const step = fc.oneof(
  { weight: 2, arbitrary: edit },
  { weight: 4, arbitrary: tweak },
  { weight: 2, arbitrary: come },
  { weight: 2, arbitrary: go },
  { weight: 3, arbitrary: record },
  { weight: 3, arbitrary: changeNode },
  { weight: 3, arbitrary: changeSlice },
  { weight: 1, arbitrary: idle },
)

/** Between two scenes mostly one thing happens, and sometimes more. */
const steps = fc.array(fc.array(step, { minLength: 1, maxLength: 2 }), { maxLength: 10 })

const fromSlices: FixedFrontend = {
  name: 'from-slices',
  addresses: ['192.0.2.9'],
  port: 6_443,
  protocol: 'TCP',
  targetPort: 6_443,
  targets: { kind: 'service', namespace: 'team-a', name: 's0' },
  sourceRanges: [],
  settings: {},
}

const rest = fc.record({
  maxTargets: fc.constantFrom(0, 0, 2),
  podRanges: fc.constantFrom([], [rangeOf('10.244.0.0/16')]),
  defaults: fc.constantFrom<ClassSpec['defaults']>({}, {}, { targets: 'pods' }, { 'proxy-protocol': 'v2' }),
  more: fc.constantFrom([], [fromSlices]),
})

const NODES = [node('n1', ['InternalIP 10.0.0.1']), node('n2', ['InternalIP 10.0.0.2'], { labels: { role: 'edge' } })]

const start = fc
  .record({ world, dresses: fc.array(dress, { minLength: 9, maxLength: 9 }), some: endpoints, port: portNumbers })
  .map(({ world: { services, spec }, dresses, some, port }) => {
    const worn = services.map((one, index) => {
      const made = dresses[index]
      return made === undefined ? one : wear(one, { ...made, meta: {} })
    })
    const slices = worn.map((one) => sliceOf(one, some, port))
    return { spec, scene: { services: worn.toSorted(byPlace), nodes: NODES, slices } }
  })

/** A class, and the scenes that it sees. */
export const history: fc.Arbitrary<History> = fc.record({ start, rest, steps }).map((made) => {
  const { more, ...others } = made.rest
  const spec = { ...made.start.spec, ...others, fixed: [...made.start.spec.fixed, ...more] }
  const scenes: Scene[] = [made.start.scene]
  for (const some of made.steps) {
    const last = scenes.at(-1) ?? made.start.scene
    scenes.push(some.reduce((scene, one) => one(scene, spec), last))
  }
  return { spec, scenes }
})
