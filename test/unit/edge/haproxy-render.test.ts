import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { acceptFrontends } from '../../../src/edge/engines/common/accept.ts'
import type { EngineState } from '../../../src/edge/engines/engine.ts'
import { HAPROXY } from '../../../src/edge/engines/haproxy/capabilities.ts'
import { drawConfig } from '../../../src/edge/engines/haproxy/drawing.ts'
import { sectionAt } from '../../../src/edge/engines/haproxy/sections.ts'
import { bound, KUBE_PROXY, NODES, stateOf } from './haproxy-states.ts'

const GOLDEN = resolve(import.meta.dirname, '../../golden/haproxy')

interface Case {
  readonly name: string
  readonly state: EngineState
  readonly hardStopAfterMs?: number
}

const cases: readonly Case[] = [
  { name: 'nothing', state: stateOf([], {}), hardStopAfterMs: 600_000 },
  {
    // An ingress controller for both families with PROXY v2, and a plain Service: kube-proxy is asked once for each node.
    name: 'ingress',
    state: stateOf([
      bound({ port: 80, targetPort: 30_080, proxyProtocol: 'v2', healthCheck: KUBE_PROXY }),
      bound({ address: '2001:db8::10', port: 80, targetPort: 30_080, proxyProtocol: 'v2', healthCheck: KUBE_PROXY }),
      bound({ port: 1883, targetPort: 31_883, healthCheck: KUBE_PROXY }),
      bound({ port: 5672, targetPort: 31_672, healthCheck: KUBE_PROXY }),
    ]),
  },
  {
    name: 'hosts',
    state: stateOf([
      bound({ hosts: ['*.b.example', 'a.example'], targetPort: 30_001, sourceRanges: ['198.51.100.0/24'] }),
      bound({ hosts: ['c.example'], targetPort: 30_002, proxyProtocol: 'v1', maxConnections: 100 }),
      bound({ targetPort: 30_003, healthCheck: KUBE_PROXY, maxConnections: 7, sourceRanges: ['2001:db8:1::/48'] }),
    ]),
  },
  { name: 'hosts-only', state: stateOf([bound({ hosts: ['a.example'], bindAddress: '0.0.0.0' })]) },
  {
    name: 'private',
    state: stateOf([
      bound({
        port: 5432,
        bindAddress: '10.1.0.100',
        balance: 'source',
        affinityMs: 10_800_000,
        idleTimeoutMs: 90_500,
        maxConnections: 500,
        proxyProtocol: 'v1',
        healthCheck: { ...KUBE_PROXY, kind: 'tcp', port: undefined, derived: false },
        sourceRanges: ['198.51.100.0/24', '2001:db8:1::/48'],
      }),
    ]),
  },
  {
    // Pods with named ports, one node that is about to leave, and a group that has nobody.
    name: 'targets',
    state: stateOf(
      [
        bound({ group: 'prod.public.pods', port: 1, targetPort: 8080, balance: 'random' }),
        bound({ group: 'prod.public.leaving', port: 2, balance: 'least-connections', healthCheck: KUBE_PROXY }),
        bound({ group: 'prod.public.none', port: 3, balance: 'source' }),
      ],
      {
        'prod.public.pods': [
          { name: 'pod-a', address: '10.244.0.7' },
          { name: 'pod-b', address: 'fd00::9', port: 9090 },
        ],
        'prod.public.leaving': [{ name: 'node-1', address: 'fd00::11', draining: 'leaving' }, ...NODES.slice(1)],
        'prod.public.none': [],
      },
    ),
  },
]

function draw({ frontends, groups }: EngineState, hardStopAfterMs?: number) {
  return drawConfig(frontends, groups, new Map(), { masterSocket: '/run/haproxy-master.sock', hardStopAfterMs })
}

for (const { name, state, hardStopAfterMs } of cases) {
  test(`golden: ${name}`, async () => {
    assert.deepEqual(acceptFrontends(state, HAPROXY).refused, [])
    const { text } = draw(state, hardStopAfterMs).rendered
    const file = resolve(GOLDEN, `${name}.cfg`)
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file, text)
    assert.equal(text, await readFile(file, 'utf8'))
  })
}

test('frontends that lead alike share their servers, however many they are', () => {
  const many = Array.from({ length: 50 }, (_, index) => bound({ port: 1000 + index, targetPort: 31_000 + index }))
  const { blueprint } = draw(stateOf(many))
  assert.deepEqual([blueprint.sockets.length, blueprint.backends.size, blueprint.checks.size], [50, 1, 0])
})

test('what the settings of a backend are tells backends apart', () => {
  const different = [
    bound({ port: 1 }),
    bound({ port: 2, balance: 'random' }),
    bound({ port: 3, idleTimeoutMs: 1_000 }),
    bound({ port: 4, balance: 'source' }),
    bound({ port: 5, balance: 'source', affinityMs: 1_000 }),
    bound({ port: 6, proxyProtocol: 'v1' }),
    bound({ port: 7, proxyProtocol: 'v2' }),
    bound({ port: 8, proxyProtocol: 'v2', targetPort: 1 }),
    bound({ port: 9, healthCheck: { ...KUBE_PROXY, derived: false } }),
    bound({ port: 10, healthCheck: { ...KUBE_PROXY, derived: false, fall: 9 } }),
    bound({ port: 11, healthCheck: { ...KUBE_PROXY, derived: false, port: undefined } }),
  ]
  const { backends, checks } = draw(stateOf(different)).blueprint
  assert.deepEqual([backends.size, checks.size], [different.length, 3])
})

function shapeOf(state: EngineState): string {
  return draw(state).rendered.shape
}

test('only the addresses and weights of servers change without a reload', () => {
  const before = stateOf([bound({ healthCheck: KUBE_PROXY })])
  const moved = NODES.map((node) => ({ ...node, address: node.address.replace('10.0', '10.9') }))
  const draining = NODES.map((node) => ({ ...node, draining: 'cordoned' as const }))
  for (const targets of [moved, draining, NODES.slice(1), []]) {
    const after = stateOf(before.frontends, { 'prod.public.nodes': targets })
    const same = drawConfig(after.frontends, after.groups, runningServers(before), {
      masterSocket: '/run/haproxy-master.sock',
    }).rendered
    assert.equal(same.shape, shapeOf(before))
  }
  for (const wishes of [{ port: 80 }, { targetPort: 1 }, { maxConnections: 1 }, { sourceRanges: ['10.0.0.0/8'] }]) {
    assert.notEqual(shapeOf(stateOf([bound({ healthCheck: KUBE_PROXY, ...wishes })])), shapeOf(before))
  }
})

/** The servers of a state as HAProxy would tell them. */
function runningServers(state: EngineState) {
  return new Map(
    [...draw(state).servers].map(([name, servers]) => [
      name,
      new Map(
        servers.map((server, slot) => {
          const { address = '192.0.2.1', port, weight = 1 } = server ?? {}
          const maintenance = server === undefined
          return [`s${slot + 1}`, { address, port: port ?? 0, weight, maintenance, drained: false, up: !maintenance }]
        }),
      ),
    ]),
  )
}

test('a line of the file leads to the frontends it is there for', () => {
  const { text, sections } = draw(stateOf([bound({ port: 1 }), bound({ port: 2 })])).rendered
  const ownersAt = (start: string) => {
    const line = text.split('\n').findIndex((one) => one.startsWith(start)) + 1
    return [line, line + 1].map((at) => sectionAt(sections, at)?.owners)
  }
  const [first, second] = ['prod.public.tcp.203.0.113.10.1', 'prod.public.tcp.203.0.113.10.2']
  assert.deepEqual(ownersAt('frontend fairway.prod.public.tcp.203.0.113.10.2'), [[second], [second]])
  assert.deepEqual(ownersAt('backend fairway.to.'), [
    [first, second],
    [first, second],
  ])
  assert.deepEqual(ownersAt('defaults'), [[], []])
})
