import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { type RenderContext, renderServer } from '../../../src/caddy/render.ts'
import { findUnrenderable } from '../../../src/caddy/unrenderable.ts'
import { serverKey } from '../../../src/model/server-names.ts'
import type { Served } from '../../../src/model/table.ts'
import { type Frontend, socketKey, type Target } from '../../../src/model/table.ts'
import { frontend } from '../../support/builders.ts'
import { NODES, OWNER, served, tcpCheck } from './tables.ts'

const GOLDEN = resolve(import.meta.dirname, '../../golden/caddy')

interface Case {
  readonly name: string
  readonly listen?: RenderContext['listen']
  readonly frontends: readonly Frontend[]
  readonly targets: readonly Target[]
}

/** An ingress controller on node ports 30080 and 30443 of three nodes, on both wildcards of the proxy, with PROXY v2. */
const ingress: Case = {
  name: 'ingress',
  listen: { '203.0.113.10': '*', '2001:db8::10': '*' },
  frontends: ['203.0.113.10', '2001:db8::10'].flatMap((address) => [
    frontend({ address, port: 80, targetPort: 30080, proxyProtocol: 'v2' }),
    frontend({ address, port: 443, targetPort: 30443, proxyProtocol: 'v2' }),
  ]),
  targets: NODES,
}

const cases: readonly Case[] = [
  ingress,
  {
    name: 'dns',
    frontends: [
      frontend({ port: 53, targetPort: 30053, protocol: 'UDP', proxyProtocol: 'v2', idleTimeoutMs: 90_500 }),
      frontend({ port: 53, targetPort: 30053, idleTimeoutMs: undefined, balance: 'random' }),
    ],
    targets: [...NODES, { name: 'node-6', address: 'fd00::16' }],
  },
  {
    name: 'private',
    listen: { '203.0.113.10': '10.1.0.100' },
    frontends: [
      frontend({
        port: 5432,
        balance: 'source',
        healthCheck: tcpCheck(),
        proxyProtocol: 'v1',
        sourceRanges: ['198.51.100.0/24', '2001:db8:1::/48'],
      }),
    ],
    targets: NODES,
  },
  { name: 'no-targets', frontends: [frontend({ balance: 'source', proxyProtocol: 'v2' })], targets: [] },
  {
    name: 'ports-of-their-own',
    frontends: [frontend()],
    targets: [
      { name: 'pod-a', address: '10.244.0.7', port: 8080 },
      { name: 'pod-b', address: '10.244.1.9', port: 9090 },
    ],
  },
  {
    name: 'hosts',
    frontends: [
      frontend({ sourceRanges: ['198.51.100.0/24'] }),
      frontend({ hosts: ['*.b.example', 'b.example'], targetPort: 30444, proxyProtocol: 'v2' }),
      frontend({
        hosts: ['a.example'],
        targetPort: 30445,
        sourceRanges: ['192.0.2.0/24', '2001:db8:1::/48'],
        healthCheck: tcpCheck({ intervalMs: 10_000, timeoutMs: 500 }),
      }),
    ],
    targets: NODES,
  },
  {
    name: 'hosts-without-targets',
    frontends: [
      frontend({ hosts: ['a.example'], healthCheck: tcpCheck({ intervalMs: 10_000, timeoutMs: 500 }) }),
      frontend({ hosts: ['c.example'], sourceRanges: ['192.0.2.0/24'] }),
      frontend({ healthCheck: tcpCheck() }),
    ],
    targets: [],
  },
]

for (const { name, listen = {}, frontends, targets } of cases) {
  test(`golden: ${name}`, async () => {
    const context = { owner: OWNER, listen }
    const bySocket = Map.groupBy(frontends, socketKey).values()
    const servers = Object.fromEntries(
      [...bySocket].map(([first = frontend(), ...more]) => {
        const all = [first, ...more].map((one): Served => ({ frontend: one, targets }))
        return [serverKey(OWNER, first), renderServer(context, all as [Served])]
      }),
    )
    const file = resolve(GOLDEN, `${name}.json`)
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file, `${JSON.stringify(servers, undefined, 2)}\n`)
    assert.deepEqual(JSON.parse(JSON.stringify(servers)), JSON.parse(await readFile(file, 'utf8')))
  })
}

test('nothing that Caddy would expand or misread gets in', () => {
  const context = { owner: OWNER, listen: {} }
  const evil = [
    '{env.HOME}',
    '10.0.0.1"',
    '10.0.0.1\n',
    'localhost',
    '127.1',
    '',
    '10.0.0.1:80',
    '::ffff:10.0.0.1',
    'fe80::1%eth0',
  ]
  for (const address of evil) {
    const targets = [{ name: 'x', address }]
    const [one] = served()
    assert.equal(findUnrenderable('edge-1', frontend(), targets)?.code, 'TargetRefused', address)
    assert.throws(() => renderServer(context, [{ ...one, targets }]), TypeError)
    assert.equal(findUnrenderable('edge-1', frontend({ address }), NODES)?.code, 'AddressInvalid', address)
    assert.throws(() => renderServer(context, served(frontend({ address }))), TypeError)
  }
  for (const port of [0, -1, 65_536, 1.5, Number.NaN]) {
    assert.equal(findUnrenderable('edge-1', frontend({ port }), NODES)?.code, 'AddressInvalid')
    assert.equal(findUnrenderable('edge-1', frontend({ targetPort: port }), NODES)?.code, 'AddressInvalid')
    assert.equal(
      findUnrenderable('edge-1', frontend(), [{ name: 'x', address: '10.0.0.1', port }])?.code,
      'TargetRefused',
    )
  }
  for (const range of ['{env.HOME}', '10.0.0.1/8', '10.0.0.0-10.0.0.9', '10.0.0.0/08', 'private_ranges']) {
    assert.equal(findUnrenderable('edge-1', frontend({ sourceRanges: [range] }), NODES)?.code, 'AddressInvalid', range)
  }
  for (const host of ['{env.HOME}', 'a.example"', 'a.example\n', 'A.example', 'a..example', '', '*', 'a.*.example']) {
    const problem = findUnrenderable('edge-1', frontend({ hosts: ['a.example', host] }), NODES)
    assert.equal(problem?.code, 'AnnotationInvalid', host)
    assert.doesNotMatch(problem.message, /\n/)
    assert.throws(() => renderServer(context, served(frontend({ hosts: [host] }))), TypeError)
  }
})

test('what Caddy cannot do is named', () => {
  const lacks: readonly (readonly [Partial<Frontend>, RegExp])[] = [
    [{ balance: 'least-connections' }, /balance least-connections/],
    [{ protocol: 'UDP', proxyProtocol: 'v1' }, /PROXY protocol v1 on UDP/],
    [{ healthCheck: { ...tcpCheck(), kind: 'http' } }, /health-check http/],
    [{ protocol: 'UDP', healthCheck: tcpCheck() }, /health-check tcp on UDP/],
    [{ healthCheck: tcpCheck({ port: 10_256 }) }, /health-check on port 10256/],
    [{ healthCheck: tcpCheck({ rise: 4 }) }, /health-check-rise/],
    [{ healthCheck: tcpCheck({ fall: 4 }) }, /health-check-fall/],
    [{ healthCheck: tcpCheck({ intervalMs: 0.5 }) }, /every 0\.5/],
    [{ balance: 'source', affinityMs: 1000 }, /affinity/],
    [{ idleTimeoutMs: 1000 }, /idle timeout on TCP/],
    [{ protocol: 'UDP', idleTimeoutMs: 0 }, /idle timeout of 0 ms/],
    [{ maxConnections: 10 }, /max-connections/],
    [{ protocol: 'UDP', hosts: ['a.example'] }, /hosts \(SNI\) on UDP/],
  ]
  for (const [fields, words] of lacks) {
    const problem = findUnrenderable('edge-1', frontend(fields), NODES)
    assert.equal(problem?.code, 'Unsupported')
    assert.equal(problem.kind, 'unsupported')
    assert.match(problem.message, words)
    assert.match(problem.message, /proxy edge-1/)
  }
})
