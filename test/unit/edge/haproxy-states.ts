/** States of an engine for tests of what HAProxy is told. */
import * as fc from 'fast-check'
import type { BoundFrontend, EngineState } from '../../../src/edge/engines/engine.ts'
import type { Balance, CheckKind, Frontend, HealthCheck, ProxyProtocol, Target } from '../../../src/model/table.ts'
import { frontend } from '../../support/builders.ts'

export type Wishes = Partial<Frontend> & { readonly id?: string; readonly bindAddress?: string }

/** A frontend bound to its own address, with an id such as the edge gives. */
export function bound({ id, bindAddress, ...wishes }: Wishes = {}): BoundFrontend {
  const one = frontend({ group: 'prod.public.nodes', ...wishes })
  const hosts = one.hosts.length === 0 ? '' : `.${one.hosts.join('-').replaceAll('*', 'any')}`
  const words = ['prod.public.tcp', one.address.replaceAll(':', '_'), `${one.port}${hosts}`]
  return { id: id ?? words.join('.'), frontend: one, bindAddress: bindAddress ?? one.address }
}

export type Groups = Readonly<Record<string, readonly Target[]>>

export const NODES: readonly Target[] = [
  { name: 'node-1', address: '10.0.0.11' },
  { name: 'node-2', address: '10.0.0.12' },
  { name: 'node-3', address: '10.0.0.13' },
]

export function stateOf(
  frontends: readonly BoundFrontend[],
  groups: Groups = { 'prod.public.nodes': NODES },
): EngineState {
  return { frontends, groups: new Map(Object.entries(groups).map(([id, targets]) => [id, { id, targets }])) }
}

/** What kube-proxy tells about its node; nobody asked for it. */
export const KUBE_PROXY: HealthCheck = {
  kind: 'http',
  port: 10_256,
  intervalMs: 5_000,
  timeoutMs: 2_000,
  rise: 2,
  fall: 3,
  derived: true,
}

/** What must never get into the file. */
export const EVIL = [
  '',
  '10.0.0.1\n  bind :1',
  'x y',
  '"${HOME}"',
  "a'b",
  'a\\ b',
  'x#y',
  'a;b',
  '{ always_true }',
  '%[src]',
  '127.1',
  'fe80::1%eth0',
  '::ffff:10.0.0.1',
]

const anyText = fc.oneof({ weight: 1, arbitrary: fc.constantFrom(...EVIL) }, { weight: 1, arbitrary: fc.string() })
/** Mostly right, sometimes anything. */
function mostly<Value>(...good: readonly Value[]): fc.Arbitrary<Value> {
  return fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...good) },
    { weight: 1, arbitrary: anyText.map((text) => text as Value) },
  )
}

const anyCheck = fc.record({
  kind: mostly<CheckKind>('tcp', 'http'),
  port: mostly<number | undefined>(undefined, 10_256),
  intervalMs: mostly(1000, 1234),
  timeoutMs: mostly(1000),
  rise: mostly(1, 2),
  fall: mostly(1, 2),
  derived: fc.boolean(),
})
const anyFrontend = fc.record({
  address: mostly('203.0.113.10', '2001:db8::10'),
  port: mostly(80, 443),
  group: mostly('nodes', 'pods'),
  targetPort: mostly(30_080, 30_443),
  proxyProtocol: mostly<ProxyProtocol>('off', 'v1', 'v2'),
  balance: mostly<Balance>('round-robin', 'least-connections', 'source', 'random'),
  healthCheck: fc.option(anyCheck, { nil: undefined }),
  affinityMs: mostly<number | undefined>(undefined, 1000),
  idleTimeoutMs: mostly<number | undefined>(undefined, 999),
  maxConnections: mostly<number | undefined>(undefined, 10),
  sourceRanges: fc.array(mostly('10.0.0.0/8', '2001:db8::/32'), { maxLength: 3 }),
  hosts: fc.array(mostly('a.example', '*.b.example'), { maxLength: 2 }),
})
const anyTarget = fc.record(
  {
    name: fc.string(),
    address: mostly('10.0.0.1', 'fd00::1'),
    port: mostly(8080),
    draining: mostly('leaving' as const),
  },
  { requiredKeys: ['name', 'address'] },
)
const anyTargets = fc.array(anyTarget, { maxLength: 3 })

/** Frontends and targets as nobody should send them, mostly right. */
export const anyState: fc.Arbitrary<EngineState> = fc
  .tuple(fc.array(anyFrontend, { maxLength: 4 }), anyTargets, anyTargets)
  .map(([frontends, nodes, pods]) => {
    const bounds = frontends.map((one, index) => ({ ...bound(one as Partial<Frontend>), id: `prod.public.${index}` }))
    return stateOf(bounds, { nodes, pods })
  })
