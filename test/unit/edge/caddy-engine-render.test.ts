import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { acceptForCaddy, drawServers } from '../../../src/edge/engines/caddy/drawing.ts'
import type { BoundFrontend, EngineState } from '../../../src/edge/engines/engine.ts'
import { runs } from '../../support/builders.ts'
import { anyCaddyState, TCP_CHECK } from './caddy-states.ts'
import { bound, EVIL, KUBE_PROXY, NODES, stateOf } from './haproxy-states.ts'

const GOLDEN = resolve(import.meta.dirname, '../../golden/caddy-edge')

interface Case {
  readonly name: string
  readonly state: EngineState
}

const cases: readonly Case[] = [
  {
    // An ingress controller for both families, on an address behind NAT and on a wildcard. kube-proxy is not asked: Caddy could not.
    name: 'ingress',
    state: stateOf([
      bound({ port: 80, targetPort: 30_080, proxyProtocol: 'v2', bindAddress: '10.1.0.100', healthCheck: KUBE_PROXY }),
      bound({ address: '2001:db8::10', port: 80, targetPort: 30_080, proxyProtocol: 'v2', bindAddress: '::' }),
    ]),
  },
  {
    // Two published addresses lead to one socket: their hosts tell them apart.
    name: 'hosts',
    state: stateOf([
      bound({ hosts: ['a.example'], targetPort: 30_001, bindAddress: '0.0.0.0', sourceRanges: ['198.51.100.0/24'] }),
      bound({ address: '203.0.113.11', hosts: ['*.b.example'], targetPort: 30_002, bindAddress: '0.0.0.0' }),
    ]),
  },
  {
    name: 'dns',
    state: stateOf([
      bound({ port: 53, targetPort: 30_053, healthCheck: TCP_CHECK }),
      { ...bound({ port: 53, targetPort: 30_053, protocol: 'UDP', idleTimeoutMs: 90_500 }), id: 'prod.public.udp.53' },
    ]),
  },
  {
    // A node that is about to leave gets no new connections, unless nobody else would; a cordoned one serves UDP on.
    name: 'draining',
    state: stateOf(
      [
        bound({ port: 1, group: 'prod.public.some' }),
        { ...bound({ port: 1, group: 'prod.public.some', protocol: 'UDP' }), id: 'prod.public.udp.1' },
        bound({ port: 2, group: 'prod.public.all' }),
        bound({ port: 3, group: 'prod.public.none' }),
      ],
      {
        'prod.public.some': [
          { name: 'node-1', address: '10.0.0.11', draining: 'leaving' },
          { name: 'node-2', address: '10.0.0.12', draining: 'cordoned' },
          { name: 'node-3', address: '10.0.0.13' },
        ],
        'prod.public.all': [{ name: 'node-1', address: '10.0.0.11', draining: 'leaving' }],
        'prod.public.none': [],
      },
    ),
  },
]

function draw(state: EngineState) {
  const { frontends, refused } = acceptForCaddy(state)
  assert.deepEqual(refused, [])
  return Object.fromEntries(drawServers(frontends, state.groups))
}

for (const { name, state } of cases) {
  test(`servers as in ${name}.json`, async () => {
    const path = resolve(GOLDEN, `${name}.json`)
    const text = `${JSON.stringify(draw(state), undefined, 2)}\n`
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(path, text)
    assert.equal(text, await readFile(path, 'utf8'))
  })
}

function codeOf(one: BoundFrontend, targets = NODES) {
  const state = stateOf([one], { [one.frontend.group]: targets })
  return acceptForCaddy(state).refused[0]?.problem.code
}

test('what Caddy would read otherwise, or cannot do, is refused', () => {
  for (const text of [...EVIL, '{env.HOME}', '{http.request.host}', 'a_b.example']) {
    if (text !== '127.1') assert.match(codeOf(bound({ hosts: [text] })) ?? '', /^(?:Address|Annotation)Invalid$/, text)
    assert.equal(codeOf(bound(), [{ name: 'x', address: text }]), 'TargetRefused', text)
  }
  const lacks = [
    { healthCheck: { ...TCP_CHECK, port: 80 } },
    { healthCheck: { ...TCP_CHECK, fall: 1 } },
    { affinityMs: 1_000, balance: 'source' as const },
    { maxConnections: 1 },
    { balance: 'least-connections' as const },
    { idleTimeoutMs: 1_000 },
    { protocol: 'UDP' as const, proxyProtocol: 'v1' as const },
    { protocol: 'UDP' as const, hosts: ['a.example'] },
    { protocol: 'UDP' as const, healthCheck: TCP_CHECK },
  ]
  for (const lack of lacks) assert.equal(codeOf(bound(lack)), 'Unsupported', JSON.stringify(lack))
})

/** Marks, sockets, addresses, ranges, hosts and words: nothing that Caddy expands. */
const TEXTS = [
  'fairway\\.edge\\.local\\.tcp\\.[0-9a-f._]+\\.\\d+\\.edge(?:\\.[a-z0-9.*,-]+)?',
  'tcp[46]\\/(?:\\d+(?:\\.\\d+){3}|\\[[0-9a-f:]+\\]):\\d+',
  '(?:\\d+(?:\\.\\d+){3}|\\[[0-9a-f:]+\\]):\\d+',
  '[0-9a-f.:]+\\/\\d+',
  '(?:\\*\\.)?[a-z0-9-]+(?:\\.[a-z0-9-]+)*',
  'round_robin|ip_hash',
]
const TEXT = new RegExp(`^(?:${TEXTS.join('|')})$`)

function textsOf(json: unknown): readonly string[] {
  if (typeof json === 'string') return [json]
  return typeof json === 'object' && json !== null ? Object.values(json).flatMap(textsOf) : []
}

test('whatever a table says, every text that Caddy gets is one of ours', () => {
  let rendered = 0
  fc.assert(
    fc.property(anyCaddyState, (state) => {
      const { frontends, refused } = acceptForCaddy(state)
      assert.equal(frontends.length + refused.length, state.frontends.length)
      rendered += frontends.length
      for (const text of textsOf([...drawServers(frontends, state.groups).values()])) assert.match(text, TEXT)
    }),
    runs(1_000),
  )
  assert.ok(rendered > 200, 'hardly any frontend was let through')
})
