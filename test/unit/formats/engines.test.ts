/** The marks by which an edge knows, after an upgrade, what a program that went on meanwhile runs of ours. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawConfig as drawEnvoy } from '../../../src/edge/engines/envoy/drawing.ts'
import { parseVersions } from '../../../src/edge/engines/envoy/progress.ts'
import { parseResources } from '../../../src/edge/engines/envoy/resources.ts'
import { drawConfig as drawHaproxy } from '../../../src/edge/engines/haproxy/drawing.ts'
import { occupantsOf, parseRunning } from '../../../src/edge/engines/haproxy/running.ts'
import { readBound } from '../../../src/edge/engines/nginx/listeners.ts'
import { renderConfig as renderNginx, shapeOf } from '../../../src/edge/engines/nginx/render.ts'
import { bound, stateOf } from '../edge/haproxy-states.ts'
import { readFixture, V1, V2 } from './fixtures.ts'

const STATE = stateOf([bound({ targetPort: 30_443 })])

test('HAProxy tells the shape of its file, and who is in which slot', async () => {
  const running = parseRunning(await readFixture('engines/haproxy-running.txt'))
  assert.ok(running)
  assert.equal(running.shape, '1e7bf781ff4a0abf')
  const addresses = occupantsOf(
    running.backends.get('fairway.to.prod.public.nodes.any.f3a60677') ?? new Map(),
    30_443,
  ).map((one) => one?.address)
  assert.deepEqual(addresses, ['10.0.0.13', undefined, '10.0.0.11', '10.0.0.12'])
  // What runs keeps its slots, and is of the same shape: no reload.
  const drawing = drawHaproxy(STATE.frontends, STATE.groups, running.backends, { masterSocket: '/run/master.sock' })
  assert.equal(drawing.rendered.shape, running.shape)
  assert.equal(drawing.rendered.text, await readFixture('engines/haproxy.cfg'))
})

test('the file for nginx bears its shape, and says what is bound', async () => {
  const [first, second] = [await readFixture('engines/nginx.conf'), await readFixture('engines/nginx.conf', V2)]
  assert.deepEqual([shapeOf(first), shapeOf(second)], ['a76ed6a2d0a5fac6', '3c1065c80fde1b27'])
  for (const text of [first, second])
    assert.deepEqual(readBound(text), [{ protocol: 'TCP', address: '203.0.113.10', port: 443 }])
  const rendered = renderNginx(STATE, { socketDir: '/run/fairway-edge/nginx' })
  assert.deepEqual([rendered.text, rendered.shape], [second, shapeOf(second)])
})

test('the files for Envoy bear their versions, which Envoy tells', async () => {
  const first = await readEnvoy(V1)
  assert.deepEqual(first.versions, { clusters: '5932109aef1c0859', listeners: '5bdb9c4bbd78092d' })
  const { versions, clusters, listeners } = await readEnvoy(V2)
  assert.deepEqual(versions, { clusters: 'f96cdd13141d135e', listeners: '95910a9c06e96c80' })
  const drawing = drawEnvoy(STATE.frontends, STATE.groups)
  assert.deepEqual([drawing.clusters, drawing.listeners], [clusters, listeners])
})

async function readEnvoy(release: string) {
  const clusters = parseResources(await readFixture('engines/cds.json', release))
  const listeners = parseResources(await readFixture('engines/lds.json', release))
  const versions = { clusters: clusters.version, listeners: listeners.version }
  assert.deepEqual(parseVersions(await readFixture('engines/envoy-stats.txt', release)), versions)
  assert.deepEqual([clusters.byName.size, listeners.byName.size], [1, 1])
  return { versions, clusters, listeners }
}
