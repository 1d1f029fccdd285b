/** What there is in the cluster, as a value, and what may happen to it next. Pure: the same dice give the same history. */
import type { Dice } from '../contract/dice.ts'

export type ServiceType = 'LoadBalancer' | 'NodePort'

export interface WorldService {
  readonly name: string
  readonly type: ServiceType
  readonly ports: readonly number[]
  /** TLS name; with one there is one port, which it shares with others. */
  readonly host: string | undefined
  readonly policy: 'Cluster' | 'Local'
  /** Only the clients of the suite that are let in are in them. */
  readonly ranges: readonly string[]
  /** By name without the prefix. */
  readonly annotations: Readonly<Record<string, string>>
  /** Names of nodes. */
  readonly pods: readonly string[]
}

export interface WorldNode {
  readonly name: string
  readonly address: string
  readonly ready: boolean
  readonly cordoned: boolean
}

/** The last numbers of a pool's first and last address. */
export interface PoolRange {
  readonly first: number
  readonly last: number
}

export interface World {
  readonly services: readonly WorldService[]
  readonly nodes: readonly WorldNode[]
  readonly pool: PoolRange
  /** How many Services, nodes and addresses there have been: a name is never given twice. */
  readonly made: number
}

export type Action =
  | { readonly kind: 'create'; readonly service: WorldService }
  | { readonly kind: 'change'; readonly service: WorldService; readonly what: string }
  | { readonly kind: 'delete'; readonly name: string }
  | { readonly kind: 'add-node'; readonly node: WorldNode }
  | { readonly kind: 'change-node'; readonly node: WorldNode; readonly what: string }
  | { readonly kind: 'delete-node'; readonly name: string }
  | { readonly kind: 'pool'; readonly pool: PoolRange }

/** Services that nothing happens to, whose traffic is watched throughout. */
const ANCHORS: readonly WorldService[] = [
  plainService('anchor-web', [80, 8080], {}),
  { ...plainService('anchor-tls', [443], {}), host: 'anchor.example' },
  { ...plainService('anchor-local', [25], { 'proxy-protocol': 'v2' }), policy: 'Local' },
  { ...plainService('anchor-port', [30], {}), type: 'NodePort' },
  { ...plainService('anchor-few', [22], { balance: 'least-connections' }), ranges: ['198.51.100.0/24'] },
]
/** Nodes that nothing happens to either: there is always somebody to answer. */
const LASTING = ['n1', 'n2']
const MOST = { services: 14, nodes: 6 }
/** A pool that begins earlier has free addresses before those in use; one that begins later lacks some of these. Nobody moves for either. */
const POOL = { first: [10, 12, 14], last: [22, 25, 28] } as const

export const FIRST_WORLD: World = {
  services: ANCHORS,
  nodes: [...LASTING, 'n3'].map((name, at) => ({ name, address: `10.0.0.${at + 1}`, ready: true, cordoned: false })),
  pool: { first: 12, last: 25 },
  made: 3,
}

function plainService(name: string, ports: readonly number[], wishes: WorldService['annotations']): WorldService {
  const plain = { type: 'LoadBalancer', host: undefined, policy: 'Cluster', ranges: [], pods: ['n1', 'n2'] } as const
  return { name, ports, annotations: wishes, ...plain }
}

/** What happens next. */
export function nextAction(world: World, dice: Dice): Action {
  const changeable = world.services.filter(({ name }) => !name.startsWith('anchor'))
  const die = dice(10)
  if (die === 9) return { kind: 'pool', pool: { first: pick(POOL.first, dice), last: pick(POOL.last, dice) } }
  if (die >= 6) return nextOfNodes(world, dice)
  if (changeable.length < 3 || (die < 2 && world.services.length < MOST.services)) return create(world, dice)
  const one = pick(changeable, dice)
  return die === 2 ? { kind: 'delete', name: one.name } : change(world, one, dice)
}

export function applyAction(world: World, action: Action): World {
  switch (action.kind) {
    case 'create':
      return { ...world, services: [...world.services, action.service], made: world.made + 1 }
    case 'change':
      return { ...world, services: replace(world.services, action.service), made: world.made + 1 }
    case 'delete':
      return { ...world, services: world.services.filter(({ name }) => name !== action.name) }
    case 'add-node':
      return { ...world, nodes: [...world.nodes, action.node], made: world.made + 1 }
    case 'change-node':
      return { ...world, nodes: replace(world.nodes, action.node), made: world.made + 1 }
    case 'delete-node':
      return { ...world, nodes: world.nodes.filter(({ name }) => name !== action.name) }
    case 'pool':
      return { ...world, pool: action.pool }
  }
  return action satisfies never
}

/** The Service that an action is about. */
export function touchedBy(action: Action): string | undefined {
  if (action.kind === 'create' || action.kind === 'change') return action.service.name
  return action.kind === 'delete' ? action.name : undefined
}

export function describeAction(action: Action): string {
  switch (action.kind) {
    case 'create':
      return `create ${action.service.name} (${action.service.type}, ${action.service.ports.join()}, ${action.service.policy})`
    case 'change':
      return `${action.service.name}: ${action.what}`
    case 'delete':
    case 'delete-node':
      return `delete ${action.name}`
    case 'add-node':
      return `add ${action.node.name} at ${action.node.address}`
    case 'change-node':
      return `${action.node.name}: ${action.what}`
    case 'pool':
      return `pool .${action.pool.first} to .${action.pool.last}`
  }
  return action satisfies never
}

function create(world: World, dice: Dice): Action {
  const name = `s${world.made}`
  const made = plainService(name, dice(2) === 0 ? [common(dice)] : freshPorts(world, 1 + dice(2)), {})
  const shapes: readonly WorldService[] = [
    made,
    { ...made, ports: [443], host: `${name}.example` },
    { ...made, policy: 'Local', pods: somePods(world, dice) },
    { ...made, type: 'NodePort', ports: freshPorts(world, 1) },
    { ...made, ranges: ['198.51.100.0/24'] },
    { ...made, annotations: someAnnotations(dice) },
  ]
  return { kind: 'create', service: pick(shapes, dice) }
}

/** Ports that many want: whoever comes late gets another address. */
function common(dice: Dice): number {
  return pick([80, 8443, 5432], dice)
}

function freshPorts(world: World, count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => 10_000 + 4 * world.made + at)
}

function someAnnotations(dice: Dice): WorldService['annotations'] {
  const some: readonly WorldService['annotations'][] = [
    { balance: 'least-connections' },
    { balance: 'source', 'proxy-protocol': 'v1' },
    { 'proxy-protocol': 'v2' },
    { 'health-check': 'tcp' },
    { 'idle-timeout': '90s' },
    { 'max-connections': '200' },
    {},
  ]
  return pick(some, dice)
}

function somePods(world: World, dice: Dice): readonly string[] {
  const steady = pick(LASTING, dice)
  return [steady, ...world.nodes.map(({ name }) => name).filter((name) => name !== steady && dice(2) === 0)]
}

function change(world: World, one: WorldService, dice: Dice): Action {
  const ways: readonly (() => readonly [string, WorldService])[] = [
    () => (one.host === undefined ? ['other ports', { ...one, ports: freshPorts(world, 1 + dice(2)) }] : otherPods()),
    () => ['other annotations', { ...one, annotations: someAnnotations(dice) }],
    () => ['ranges', { ...one, ranges: one.ranges.length > 0 || one.type === 'NodePort' ? [] : ['198.51.100.0/24'] }],
    () => ['policy', { ...one, policy: one.policy === 'Local' ? 'Cluster' : 'Local' }],
    () => ['type', { ...one, ranges: [], type: one.type === 'NodePort' ? 'LoadBalancer' : 'NodePort' }],
    otherPods,
  ]
  function otherPods(): readonly [string, WorldService] {
    return ['other pods', { ...one, pods: somePods(world, dice) }]
  }
  const [what, service] = pick(ways, dice)()
  return { kind: 'change', service, what }
}

function nextOfNodes(world: World, dice: Dice): Action {
  const changeable = world.nodes.filter(({ name }) => !LASTING.includes(name))
  const die = dice(5)
  const address = `10.0.1.${world.made % 250}`
  if (changeable.length === 0 || (die === 0 && world.nodes.length < MOST.nodes))
    return { kind: 'add-node', node: { name: `n${world.made}`, address, ready: true, cordoned: false } }
  const one = pick(changeable, dice)
  if (die === 1) return { kind: 'delete-node', name: one.name }
  if (die === 2) return { kind: 'change-node', what: `address ${address}`, node: { ...one, address } }
  if (die === 3)
    return { kind: 'change-node', what: one.ready ? 'not ready' : 'ready', node: { ...one, ready: !one.ready } }
  return {
    kind: 'change-node',
    what: one.cordoned ? 'uncordoned' : 'cordoned',
    node: { ...one, cordoned: !one.cordoned },
  }
}

function replace<T extends { readonly name: string }>(all: readonly T[], changed: T): readonly T[] {
  return all.map((one) => (one.name === changed.name ? changed : one))
}

export function pick<T>(all: readonly T[], dice: Dice): T {
  const one = all[dice(all.length)]
  if (one === undefined) throw new Error('nothing to pick from')
  return one
}
