import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { acceptFrontends } from '../../../src/edge/engines/common/accept.ts'
import type { EngineState } from '../../../src/edge/engines/engine.ts'
import { ENVOY } from '../../../src/edge/engines/envoy/capabilities.ts'
import { drawConfig } from '../../../src/edge/engines/envoy/drawing.ts'
import { bound, KUBE_PROXY, NODES, stateOf } from './haproxy-states.ts'

const GOLDEN = resolve(import.meta.dirname, '../../golden/envoy')

const cases: Readonly<Record<string, EngineState>> = {
  nothing: stateOf([], {}),
  // An ingress controller for both families with PROXY v2: kube-proxy is asked on its own port, without a header.
  ingress: stateOf([
    bound({ port: 80, targetPort: 30_080, proxyProtocol: 'v2', healthCheck: KUBE_PROXY }),
    bound({ address: '2001:db8::10', port: 80, targetPort: 30_080, proxyProtocol: 'v2', healthCheck: KUBE_PROXY }),
    bound({ port: 1883, targetPort: 31_883 }),
  ]),
  hosts: stateOf([
    bound({ hosts: ['*.b.example', 'a.example'], targetPort: 30_001, sourceRanges: ['198.51.100.0/24'] }),
    bound({ hosts: ['c.example'], targetPort: 30_002, proxyProtocol: 'v1', maxConnections: 100 }),
    bound({ targetPort: 30_003, healthCheck: { ...KUBE_PROXY, derived: false }, sourceRanges: ['2001:db8:1::/48'] }),
  ]),
  private: stateOf([
    bound({
      port: 5432,
      bindAddress: '10.1.0.100',
      balance: 'source',
      idleTimeoutMs: 90_500,
      maxConnections: 500,
      proxyProtocol: 'v1',
      healthCheck: { ...KUBE_PROXY, kind: 'tcp', port: undefined, derived: false },
      sourceRanges: ['198.51.100.0/24', '2001:db8:1::/48'],
    }),
  ]),
  // A name server over both protocols, and a telephone exchange that turns strangers away.
  datagrams: stateOf([
    bound({ port: 53, targetPort: 30_053 }),
    bound({ id: 'prod.public.udp.203.0.113.10.53', protocol: 'UDP', port: 53, targetPort: 31_053 }),
    bound({
      id: 'prod.public.udp.203.0.113.10.5060',
      protocol: 'UDP',
      port: 5060,
      balance: 'source',
      idleTimeoutMs: 300_000,
      maxConnections: 200,
      healthCheck: KUBE_PROXY,
      sourceRanges: ['198.51.100.0/24'],
    }),
  ]),
  // Pods with named ports, one node that is about to leave, and a group that has nobody.
  targets: stateOf(
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
}

function draw(state: EngineState) {
  const { frontends, refused } = acceptFrontends(state, ENVOY)
  assert.deepEqual(refused, [])
  return drawConfig(frontends, state.groups)
}

for (const [name, state] of Object.entries(cases)) {
  test(`golden: ${name}`, async () => {
    const { clusters, listeners } = draw(state)
    const both = { clusters: JSON.parse(clusters.text) as object, listeners: JSON.parse(listeners.text) as object }
    const text = `${JSON.stringify(both, undefined, 1)}\n`
    const file = resolve(GOLDEN, `${name}.json.golden`)
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file, text)
    assert.equal(text, await readFile(file, 'utf8'))
  })
}

test('targets, and draining ones, are told by clusters alone', () => {
  const before = stateOf([bound({ balance: 'source', healthCheck: KUBE_PROXY })])
  const draining = NODES.map((node, index) => (index === 0 ? { ...node, draining: 'cordoned' as const } : node))
  for (const targets of [NODES.slice(1), draining, []]) {
    const after = draw(stateOf(before.frontends, { 'prod.public.nodes': targets }))
    assert.equal(after.listeners.text, draw(before).listeners.text)
    assert.deepEqual([...after.clusters.byName.keys()], [...draw(before).clusters.byName.keys()])
    assert.notEqual(after.clusters.version, draw(before).clusters.version)
  }
})

const chains = (state: EngineState) => {
  const { resources } = JSON.parse(draw(state).listeners.text) as {
    resources: readonly { filter_chains: unknown[] }[]
  }
  return resources.flatMap(({ filter_chains }) => filter_chains)
}

test('the filter chains of a socket do not change with those that they are for', () => {
  const [web] = chains(stateOf([bound()]))
  assert.deepEqual(chains(stateOf([bound({ sourceRanges: ['10.0.0.0/8'] })])), [web])
  assert.deepEqual(chains(stateOf([bound(), bound({ hosts: ['a.example'] })]))[0], web)
})

test('what the settings of a cluster are tells clusters apart, and nothing else does', () => {
  const different = [
    bound({ port: 1 }),
    bound({ port: 2, balance: 'random' }),
    bound({ port: 3, proxyProtocol: 'v1' }),
    bound({ port: 4, targetPort: 1 }),
    bound({ port: 5, healthCheck: KUBE_PROXY }),
    bound({ port: 6, healthCheck: { ...KUBE_PROXY, derived: false } }),
    bound({ port: 7, healthCheck: { ...KUBE_PROXY, fall: 9 } }),
    bound({ port: 8, protocol: 'UDP', maxConnections: 9, id: 'u8' }),
    bound({ port: 9, protocol: 'UDP', maxConnections: 9, id: 'u9' }),
  ]
  assert.equal(draw(stateOf(different)).blueprint.clusters.length, different.length)
  const alike = [bound({ port: 1 }), bound({ port: 2, idleTimeoutMs: 1_000 }), bound({ port: 3, maxConnections: 7 })]
  assert.equal(draw(stateOf(alike)).blueprint.clusters.length, 1)
})

const checked = (count: number, derived: boolean) => {
  const frontends = Array.from({ length: count }, (_, index) =>
    bound({
      port: index + 1,
      targetPort: 10_000 + index,
      healthCheck: { ...KUBE_PROXY, intervalMs: 1_000, derived },
    }),
  )
  return draw(stateOf(frontends)).blueprint.clusters.filter(({ check }) => check !== undefined).length
}

test('checks that nobody asked for are left out where there would be too many', () => {
  // Three nodes, once in a second.
  assert.deepEqual([checked(333, true), checked(334, true), checked(334, false)], [333, 0, 334])
})
