import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { acceptFrontends } from '../../../src/edge/engines/common/accept.ts'
import type { EngineState } from '../../../src/edge/engines/engine.ts'
import { nginxProgram } from '../../../src/edge/engines/nginx/capabilities.ts'
import { partAt } from '../../../src/edge/engines/nginx/parts.ts'
import { renderConfig, shapeOf } from '../../../src/edge/engines/nginx/render.ts'
import { upstreamName } from '../../../src/edge/engines/nginx/render-socket.ts'
import type { Frontend } from '../../../src/model/table.ts'
import { bound, KUBE_PROXY, NODES, stateOf } from './haproxy-states.ts'

const GOLDEN = resolve(import.meta.dirname, '../../golden/nginx')
const PROGRAM = nginxProgram('1.31.4')

const dns = { ...bound({ protocol: 'UDP', port: 53 }), id: 'prod.public.udp.203.0.113.10.53' }

const cases: Readonly<Record<string, EngineState>> = {
  nothing: stateOf([], {}),
  // An ingress controller for both families with PROXY v2, and a plain Service.
  ingress: stateOf([
    bound({ port: 80, targetPort: 30_080, proxyProtocol: 'v2', healthCheck: KUBE_PROXY }),
    bound({ address: '2001:db8::10', port: 80, targetPort: 30_080, proxyProtocol: 'v2', healthCheck: KUBE_PROXY }),
    bound({ port: 1883, targetPort: 31_883, healthCheck: KUBE_PROXY }),
  ]),
  // The same port for both protocols.
  dns: stateOf([bound({ port: 53, idleTimeoutMs: 30_000 }), dns]),
  // All alike but for their names: nothing more than the names is needed.
  'hosts-alike': stateOf([
    bound({ hosts: ['a.example'], bindAddress: '0.0.0.0', proxyProtocol: 'v1', targetPort: 30_001 }),
    bound({ hosts: ['*.b.example', 'b.example', 'default'], bindAddress: '0.0.0.0', proxyProtocol: 'v1' }),
  ]),
  // Different settings on one socket, and one without hosts.
  hosts: stateOf([
    bound({ hosts: ['*.b.example', 'a.example'], targetPort: 30_001, sourceRanges: ['198.51.100.0/24'] }),
    bound({ hosts: ['c.example'], targetPort: 30_002, proxyProtocol: 'v1', maxConnections: 100 }),
    bound({ targetPort: 30_003, maxConnections: 7, sourceRanges: ['2001:db8:1::/48'], idleTimeoutMs: 90_000 }),
  ]),
  private: stateOf([
    bound({
      port: 5432,
      bindAddress: '10.1.0.100',
      balance: 'source',
      idleTimeoutMs: 90_500,
      maxConnections: 500,
      proxyProtocol: 'v1',
      sourceRanges: ['198.51.100.0/24', '2001:db8:1::/48'],
    }),
  ]),
  // Pods with named ports, one node that is about to leave, and a group that has nobody.
  targets: stateOf(
    [
      bound({ group: 'prod.public.pods', port: 1, targetPort: 8080, balance: 'random' }),
      bound({ group: 'prod.public.leaving', port: 2, balance: 'least-connections' }),
      { ...bound({ group: 'prod.public.leaving', port: 3, protocol: 'UDP' }), id: 'prod.public.udp.203.0.113.10.3' },
      bound({ group: 'prod.public.none', port: 4, balance: 'source' }),
    ],
    {
      'prod.public.pods': [
        { name: 'pod-a', address: '10.244.0.7' },
        { name: 'pod-b', address: 'fd00::9', port: 9090 },
      ],
      'prod.public.leaving': [
        { name: 'node-1', address: 'fd00::11', draining: 'leaving' },
        { name: 'node-2', address: 'fd00::12', draining: 'cordoned' },
        ...NODES.slice(2),
      ],
      'prod.public.none': [],
    },
  ),
}

function render(state: EngineState) {
  return renderConfig(state, { socketDir: '/run/fairway-nginx' })
}

for (const [name, state] of Object.entries(cases)) {
  test(`golden: ${name}`, async () => {
    const { frontends, refused } = acceptFrontends(state, PROGRAM)
    assert.deepEqual(refused, [])
    const { text, refused: more } = render({ ...state, frontends })
    assert.deepEqual(more, [])
    const file = resolve(GOLDEN, `${name}.conf`)
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file, text)
    assert.equal(text, await readFile(file, 'utf8'))
  })
}

test('a file bears its shape, which changes with all of it', () => {
  const base = stateOf([bound()])
  const { text, shape } = render(base)
  assert.equal(shapeOf(text), shape)
  assert.equal(render(base).text, text)
  const others = [
    stateOf([bound({ idleTimeoutMs: 1 })]),
    stateOf(base.frontends, { 'prod.public.nodes': NODES.slice(1) }),
    stateOf([bound({ hosts: ['a.example'] })]),
    stateOf([]),
  ].map((state) => render(state).shape)
  assert.equal(new Set([shape, ...others]).size, others.length + 1)
  assert.equal(shapeOf('server { return "anything"; }\n'), undefined)
})

test('a line of the file leads to the frontends that it is there for', () => {
  const shared = [bound({ hosts: ['a.example'], maxConnections: 1 }), bound({ hosts: ['b.example'] })]
  const { text, parts } = render(stateOf([bound({ port: 1 }), ...shared]))
  const ownersAt = (start: string) => {
    const line = text.split('\n').findIndex((one) => one.startsWith(start)) + 1
    assert.ok(line > 0, start)
    return [line, line + 1].map((at) => partAt(parts, at)?.owners)
  }
  const ids = ['1', '443.a.example', '443.b.example'].map((end) => `prod.public.tcp.203.0.113.10.${end}`)
  const [plain = '', a = '', b = ''] = ids
  assert.deepEqual(ownersAt(`upstream ${upstreamName(plain)} `), [[plain], [plain]])
  assert.deepEqual(ownersAt('limit_conn_zone '), [[a], [a]])
  assert.deepEqual(ownersAt('map $ssl_preread_server_name $fairway_to_'), [
    [a, b],
    [a, b],
  ])
  assert.deepEqual(ownersAt('map $ssl_preread_server_name $fairway_parent'), [[], []])
})

test('what one server cannot do for all hosts on a socket', () => {
  const pairs: readonly (readonly [Partial<Frontend>, Partial<Frontend>, RegExp | undefined])[] = [
    [{ proxyProtocol: 'v1' }, { proxyProtocol: 'v2' }, /PROXY protocol v2 where another/],
    [{ proxyProtocol: 'v2' }, { proxyProtocol: 'v2' }, undefined],
    [{ proxyProtocol: 'v2' }, { maxConnections: 1, balance: 'source' }, undefined],
    [{}, { proxyProtocol: 'v1', maxConnections: 1 }, undefined],
    [{}, { proxyProtocol: 'v1', balance: 'source' }, undefined],
    [{}, { proxyProtocol: 'v1', maxConnections: 1, balance: 'source' }, /balance source/],
    [{}, { proxyProtocol: 'v1', idleTimeoutMs: 1, balance: 'source' }, /balance source/],
  ]
  for (const [of, by, words] of pairs) {
    const one = bound({ hosts: ['a.example'], ...of })
    const other = bound({ hosts: ['b.example'], ...by })
    const { refused, text } = render(stateOf([one, other]))
    assert.deepEqual(
      refused.map(({ id, problem }) => [id, problem.code]),
      words === undefined ? [] : [[other.id, 'Unsupported']],
    )
    if (words !== undefined) assert.match(refused[0]?.problem.message ?? '', words)
    assert.match(text, new RegExp(`upstream ${upstreamName(one.id)} `))
  }
})
