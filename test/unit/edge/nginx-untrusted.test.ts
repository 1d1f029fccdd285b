/** Tables come from clusters, and what is in them from their users. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { acceptFrontends } from '../../../src/edge/engines/common/accept.ts'
import { nginxProgram } from '../../../src/edge/engines/nginx/capabilities.ts'
import { renderConfig } from '../../../src/edge/engines/nginx/render.ts'
import type { Balance, Frontend, ProxyProtocol } from '../../../src/model/table.ts'
import { runs } from '../../support/builders.ts'
import { bound, KUBE_PROXY, stateOf } from './haproxy-states.ts'
import { anyNginxState } from './nginx-states.ts'

const SOCKET = '(?:\\d+(?:\\.\\d+){3}|\\[[0-9a-f:.]+\\]):\\d+'
const NAME = '[0-9a-f]{8}\\.fairway\\.[a-z0-9._-]+'
const OURS = 'unix:/run/fairway-nginx/(?:status|closed|[0-9a-f]{16})\\.sock'
const VARIABLE = '\\$fairway_(?:to|below|from)_[0-9a-f_]+'

/** Every line that the file may hold. */
const LINES = [
  '# Written by fairway edge, which overwrites what is edited here\\.',
  'map_hash_(?:bucket|max)_size \\d+;',
  `limit_conn_zone ${NAME} zone=${NAME}\\.count:32k;`,
  `(?:server|upstream ${NAME}|map \\$(?:ssl_preread_server_name|fairway_parent) (?:\\$fairway_parent|${VARIABLE})|geo ${VARIABLE}) \\{`,
  '\\}',
  `  listen (?:${SOCKET} (?:udp reuseport|so_keepalive=120s::)|${OURS}(?: proxy_protocol)?);`,
  '  return "(?:fairway \\$pid [0-9a-f]{16}\\\\n)?";',
  '  (?:allow (?:all|[0-9a-f.:]+/\\d+)|deny all|ssl_preread (?:on|off)|preread_timeout 5s|set_real_ip_from unix:);',
  `  (?:zone ${NAME} \\d+k|limit_conn ${NAME}\\.count \\d+|limit_conn_log_level info);`,
  '  (?:least_conn|random two least_conn|hash \\$remote_addr consistent);',
  `  server ${SOCKET} fail_timeout=5s;`,
  `  proxy_pass (?:${NAME}|${VARIABLE});`,
  '  proxy_(?:timeout|connect_timeout|next_upstream_timeout) \\d+m?s;',
  '  proxy_(?:socket_keepalive on|half_close on|buffer_size 64k|protocol (?:off|on|v2));',
  `  (?:default|\\\\?[a-z0-9._-]+|[0-9a-f.:]+/\\d+) (?:${NAME}|${VARIABLE}|${OURS}|"");`,
  '  ~\\^\\[\\^\\.\\]\\+\\\\\\.\\(\\?<fairway_rest>\\.\\+\\)\\$ \\$fairway_rest;',
  '',
]
const LINE = new RegExp(`^(?:${LINES.join('|')})$`)

function refusalOf(wishes: Partial<Frontend>, version = '1.22.1') {
  return acceptFrontends(stateOf([bound(wishes)]), nginxProgram(version)).refused[0]?.problem
}

test('words that nginx has not are named', () => {
  const cases: readonly (readonly [Partial<Frontend>, RegExp])[] = [
    [{ proxyProtocol: 'v2' }, /nginx 1\.22\.1 cannot do/],
    [{ protocol: 'UDP', proxyProtocol: 'v1' }, /PROXY protocol v1/],
    [{ protocol: 'UDP', hosts: ['a.example'] }, /hosts/],
    [{ balance: 'toString' as Balance }, /toString/],
    [{ proxyProtocol: 'v3' as ProxyProtocol }, /v3/],
    [{ healthCheck: { ...KUBE_PROXY, derived: false } }, /health-check http/],
  ]
  for (const [wishes, words] of cases) {
    assert.equal(refusalOf(wishes)?.code, 'Unsupported')
    assert.match(refusalOf(wishes)?.message ?? '', words)
  }
  // Nobody asked for it, so it is left out.
  assert.equal(refusalOf({ healthCheck: KUBE_PROXY }), undefined)
})

test('PROXY headers of version 2 are for those that send them', () => {
  const able = ['1.22.1', '1.30.9', '1.31.3', '1.31.4', '1.31.10', '1.32.0', '2.0.0'].filter(
    (version) => refusalOf({ proxyProtocol: 'v2' }, version) === undefined,
  )
  assert.deepEqual(able, ['1.31.4', '1.31.10', '1.32.0', '2.0.0'])
})

test('whatever a table says, every line of the file is one of ours', () => {
  const seen = new Set<string>()
  let rendered = 0
  fc.assert(
    fc.property(anyNginxState, (state) => {
      const accepted = acceptFrontends(state, nginxProgram('1.31.4'))
      assert.equal(accepted.frontends.length + accepted.refused.length, state.frontends.length)
      rendered += accepted.frontends.length
      const { text } = renderConfig({ ...state, frontends: accepted.frontends }, { socketDir: '/run/fairway-nginx' })
      for (const line of text.split('\n')) {
        assert.match(line, LINE)
        seen.add(line.trim().split(/[ ;]/)[0] ?? '')
      }
    }),
    runs(1_000),
  )
  assert.ok(rendered > 200, 'hardly any frontend was let through')
  for (const word of ['geo', 'map', 'limit_conn', 'set_real_ip_from', 'preread_timeout', 'hash'])
    assert.ok(seen.has(word), word)
})
