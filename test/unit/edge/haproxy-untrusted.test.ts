/** Tables come from clusters, and what is in them from their users. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { acceptFrontends } from '../../../src/edge/engines/common/accept.ts'
import type { BoundFrontend } from '../../../src/edge/engines/engine.ts'
import { HAPROXY } from '../../../src/edge/engines/haproxy/capabilities.ts'
import { drawConfig } from '../../../src/edge/engines/haproxy/drawing.ts'
import type { Balance, CheckKind, Frontend, Protocol, ProxyProtocol } from '../../../src/model/table.ts'
import { runs } from '../../support/builders.ts'
import { anyState, bound, EVIL, KUBE_PROXY, NODES, stateOf } from './haproxy-states.ts'

/** Every line that the file may hold. */
const LINES = [
  '',
  '# Written by fairway edge, which overwrites what is edited here\\.',
  '(?:defaults|backend|frontend) fairway(?:\\.[a-z0-9._:-]+ from fairway)?',
  '  (?:mode tcp|retries 3|option [a-z0-9 ]+|option httpchk GET /healthz|http-check expect status 200|log global)',
  '  (?:timeout (?:connect|client|server|tunnel|check)|(?:cli|srv)tcpka-idle) \\d+m?s',
  '  bind unix@/run/haproxy-master\\.sock\\.idle mode 600',
  '  bind (?:\\d+(?:\\.\\d+){3}|\\[[0-9a-f:.]+\\]):\\d+(?: v6only)?',
  '  tcp-request inspect-delay 5s',
  '  tcp-request content set-var\\(txn\\.[a-z]+\\) (?:req\\.ssl_sni,lower if|var\\(txn\\.name\\),field\\(2,\\.,0\\) unless) \\{ [a-z_. 1()-]+ \\}',
  '  tcp-request (?:connection|content) (?:accept|reject|set-dst-port int\\(\\d+\\))(?: (?:if|unless)(?: !?(?:to|from)(?:\\.\\d+)?)*(?: \\{ (?:fe_conn gt|be_conn\\(fairway\\.to\\.[a-z0-9._-]+\\) ge) \\d+ \\})?)?',
  '  acl (?:to|from)(?:\\.\\d+)? (?:src [0-9a-f.:]+/\\d+|var\\(txn\\.[a-z]+\\) -m str [a-z0-9._-]+)',
  '  (?:default_backend|use_backend) fairway\\.to\\.[a-z0-9._-]+(?: if(?: to\\.\\d+)?(?: \\{ nbsrv\\(fairway\\.to\\.[a-z0-9._-]+\\) eq 0 \\})?)?',
  '  (?:balance [a-z]+|hash-type consistent sdbm avalanche|stick on src|stick-table type ipv6 size 200k expire \\d+m?s)',
  '  server s\\d+ (?:\\d+(?:\\.\\d+){3}|\\[[0-9a-f:.]+\\])(?::\\d+)?(?: weight \\d+)?(?: disabled)?(?: check inter \\d+m?s rise \\d+ fall \\d+)?(?: send-proxy(?:-v2)?)?(?: check-send-proxy)?(?: track fairway\\.check\\.[a-z0-9._-]+/s\\d+)?',
  '  server [0-9a-f]{16} 192\\.0\\.2\\.1:1 disabled',
]
const LINE = new RegExp(`^(?:${LINES.join('|')})$`)

function problemOf(one: BoundFrontend, targets = NODES) {
  const { refused } = acceptFrontends(stateOf([one], { [one.frontend.group]: targets }), HAPROXY)
  return refused[0]?.problem
}

function codeOf(one: BoundFrontend, targets = NODES) {
  return problemOf(one, targets)?.code
}

test('only canonical addresses, ports, ranges and hosts get in', () => {
  for (const text of [...EVIL, 'localhost', '10.0.0.1:80']) {
    assert.equal(codeOf(bound(), [{ name: 'x', address: text }]), 'TargetRefused', text)
    assert.equal(codeOf(bound({ bindAddress: text })), 'AddressInvalid', text)
    assert.equal(codeOf(bound({ sourceRanges: [text] })), 'AddressInvalid', text)
    assert.equal(codeOf({ ...bound(), id: `${text}!` }), 'AddressInvalid', text)
    assert.equal(codeOf(bound({ group: `${text}!` })), 'AddressInvalid', text)
  }
  for (const host of [
    ...EVIL.slice(0, 10),
    '*',
    '*.',
    'a.*.b',
    'A.example',
    'a..b',
    '.a',
    '-4c5',
    `${'a'.repeat(64)}.b`,
  ]) {
    assert.equal(codeOf(bound({ hosts: [host] })), 'AddressInvalid', host)
  }
  for (const range of ['10.0.0.1/8', '10.0.0.0-10.0.0.9', '10.0.0.0/08', '10.0.0.0']) {
    assert.equal(codeOf(bound({ sourceRanges: [range] })), 'AddressInvalid', range)
  }
  for (const port of [0, -1, 65_536, 1.5, Number.NaN]) {
    const wishes = [{ port }, { targetPort: port }, { healthCheck: { ...KUBE_PROXY, port } }]
    for (const wish of wishes) assert.equal(codeOf(bound(wish)), 'AddressInvalid', `${port}`)
    assert.equal(codeOf(bound(), [{ name: 'x', address: '10.0.0.1', port }]), 'TargetRefused')
  }
  for (const count of [0, -1, 2 ** 31, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    const checks = ['intervalMs', 'timeoutMs', 'rise', 'fall'].map((key) => ({ ...KUBE_PROXY, [key]: count }))
    const times = [{ idleTimeoutMs: count }, { affinityMs: count }, { maxConnections: count }]
    for (const wish of [...times, ...checks.map((healthCheck) => ({ healthCheck }))])
      assert.equal(codeOf(bound(wish)), 'AddressInvalid', JSON.stringify(wish))
  }
})

test('a frontend whose group is missing is refused alone', () => {
  const { frontends, refused } = acceptFrontends(stateOf([bound(), bound({ group: 'lost', port: 1 })]), HAPROXY)
  assert.deepEqual([frontends.length, refused.map(({ problem }) => problem.code)], [1, ['AddressInvalid']])
})

test('words that HAProxy has not are named', () => {
  const cases: readonly (readonly [Partial<Frontend>, string, RegExp])[] = [
    [{ protocol: 'UDP' }, 'ProtocolUnsupported', /UDP/],
    [{ protocol: 'SCTP' as Protocol }, 'ProtocolUnsupported', /SCTP/],
    [{ balance: 'toString' as Balance }, 'Unsupported', /toString/],
    [{ proxyProtocol: 'v3' as ProxyProtocol }, 'Unsupported', /v3/],
    [{ healthCheck: { ...KUBE_PROXY, kind: 'grpc' as CheckKind, derived: false } }, 'Unsupported', /grpc/],
  ]
  for (const [wishes, code, words] of cases) {
    const problem = problemOf(bound(wishes))
    assert.equal(problem?.code, code)
    assert.match(problem.message, words)
  }
})

test('whatever a table says, every line of the file is one of ours', () => {
  let rendered = 0
  fc.assert(
    fc.property(anyState, (state) => {
      const accepted = acceptFrontends(state, HAPROXY)
      assert.equal(accepted.frontends.length + accepted.refused.length, state.frontends.length)
      rendered += accepted.frontends.length
      const { text } = drawConfig(accepted.frontends, state.groups, new Map(), {
        masterSocket: '/run/haproxy-master.sock',
      }).rendered
      for (const line of text.split('\n')) assert.match(line, LINE)
    }),
    runs(1_000),
  )
  assert.ok(rendered > 200, 'hardly any frontend was let through')
})
