/** Tables come from clusters, and what is in them from their users. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { acceptFrontends } from '../../../src/edge/engines/common/accept.ts'
import { ENVOY } from '../../../src/edge/engines/envoy/capabilities.ts'
import { drawConfig } from '../../../src/edge/engines/envoy/drawing.ts'
import { runs } from '../../support/builders.ts'
import { anyEnvoyState } from './envoy-states.ts'
import { bound, KUBE_PROXY, stateOf } from './haproxy-states.ts'

/** Every text that the files may hold. */
const TEXTS = [
  '[0-9a-f]{16}',
  'type\\.googleapis\\.com/[A-Za-z0-9_.]+',
  'fairway(?:\\.[a-z0-9._:-]+|\\.(?:tcp|udp)\\.[0-9a-f.:[\\]]+)?',
  'prod\\.public\\.\\d',
  'envoy\\.[a-z_.]+|plain|name|source|ranges|chain|route',
  '\\d+(?:\\.\\d{1,3})?s',
  '\\d+(?:\\.\\d+){3}|[0-9a-f]*:[0-9a-f:]+',
  'STATIC|ROUND_ROBIN|RING_HASH|RANDOM|FULL_SCAN|DRAINING|UDP|V1|V2',
  '/healthz',
  '\\[\\^\\.\\]\\+(?:\\\\\\.[a-z0-9_-]+)+',
]
const TEXT = new RegExp(`^(?:${TEXTS.join('|')})$`)

function textsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : []
}

test('whatever a table says, every text of the files is one of ours', () => {
  let rendered = 0
  fc.assert(
    fc.property(anyEnvoyState, (state) => {
      const accepted = acceptFrontends(state, ENVOY)
      assert.equal(accepted.frontends.length + accepted.refused.length, state.frontends.length)
      rendered += accepted.frontends.length
      const { listeners, clusters } = drawConfig(accepted.frontends, state.groups)
      for (const { text } of [listeners, clusters]) {
        for (const one of textsOf(JSON.parse(text))) assert.match(one, TEXT)
      }
    }),
    runs(500),
  )
  assert.ok(rendered > 100, 'hardly any frontend was let through')
})

const codeOf = (wishes: Parameters<typeof bound>[0]) =>
  acceptFrontends(stateOf([bound({ protocol: 'UDP', ...wishes })]), ENVOY).refused[0]?.problem.code

test('what datagrams cannot do is refused, and a check that nobody asked for is left out', () => {
  assert.equal(codeOf({ proxyProtocol: 'v2' }), 'Unsupported')
  assert.equal(codeOf({ hosts: ['a.example'] }), 'Unsupported')
  assert.equal(codeOf({ healthCheck: { ...KUBE_PROXY, kind: 'tcp', derived: false } }), 'Unsupported')
  assert.equal(codeOf({ healthCheck: { ...KUBE_PROXY, kind: 'tcp', derived: true } }), undefined)
  assert.equal(codeOf({ healthCheck: KUBE_PROXY, maxConnections: 3, balance: 'source' }), undefined)
})
