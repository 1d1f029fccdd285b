import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { MOST_LEADS } from '../../../src/edge/webhook/openings.ts'
import { owned } from './builders.ts'
import { stopWorlds } from './edge-world.ts'
import { ADDRESS, requestOf, startCalls, TOKEN } from './webhook-world.ts'

afterEach(stopWorlds)

const OPEN = '203.0.113.10:8080 -> web 10.0.0.11:30808'

test('a call opens a port, the same again changes nothing, and goodbye closes it', async () => {
  const world = await startCalls()
  const answer = { status: 200, text: 'tcp/203.0.113.10:8080 leads to 10.0.0.11:30808' }
  assert.deepEqual(await world.call('add 8080 10.0.0.11:30808'), answer)
  assert.deepEqual(world.opened(), [OPEN])
  assert.deepEqual(world.served(), ['webhook.default.tcp.203.0.113.10.8080'])
  const generation = world.referee.look('webhook/default')?.stored.generation
  assert.deepEqual(await world.call('add 8080 10.0.0.11:30808'), answer)
  assert.equal(world.referee.look('webhook/default')?.stored.generation, generation)
  const gone = { status: 200, text: 'port 8080 does not lead to 10.0.0.11 any more' }
  assert.deepEqual(await world.call('delete 8080 10.0.0.11:30808'), gone)
  assert.deepEqual(world.opened(), [])
  assert.deepEqual(world.served(), [])
  assert.deepEqual(await world.call('delete 8080 10.0.0.11:30808'), gone)
})

test('the node port or the node changes: the port leads to the new one', async () => {
  const world = await startCalls()
  await world.call('add 8080 10.0.0.11:30808')
  await world.call('add 8080 10.0.0.11:30999')
  assert.deepEqual(world.opened(), ['203.0.113.10:8080 -> web 10.0.0.11:30999'])
})

test('two nodes that call for one port are both used, and each expires on its own', async () => {
  const world = await startCalls()
  await world.call('add 8080 10.0.0.11:30808')
  await world.wait(600_000)
  const { text } = await world.call('add 8080 10.0.0.12:30999')
  assert.equal(text, 'tcp/203.0.113.10:8080 leads to 10.0.0.11:30808, 10.0.0.12:30999')
  assert.deepEqual(world.opened(), [`${OPEN}, web 10.0.0.12:30999`])
  await world.wait(599_999)
  assert.equal(world.opened()[0], `${OPEN}, web 10.0.0.12:30999`)
  await world.wait(1)
  assert.deepEqual(world.opened(), ['203.0.113.10:8080 -> web 10.0.0.12:30999'])
  await world.wait(600_000)
  assert.deepEqual(world.served(), [])
  assert.deepEqual(world.logged, [
    'warn: port 8080 of "web" at 10.0.0.11:30808 has expired: nobody calls for it',
    'warn: port 8080 of "web" at 10.0.0.12:30999 has expired: nobody calls for it',
  ])
})

test('the goodbye of a node that is left does not take what the new one has called for', async () => {
  const world = await startCalls()
  await world.call('add 8080 10.0.0.11:30808')
  await world.call('add 8080 10.0.0.12:30808')
  await world.call('delete 8080 10.0.0.11:30808')
  assert.deepEqual(world.opened(), ['203.0.113.10:8080 -> web 10.0.0.12:30808'])
})

test('a delete without an address closes the port', async () => {
  const world = await startCalls()
  await world.call('add 8080 10.0.0.11:30808')
  await world.call('add 8080 10.0.0.12:30808')
  const { text } = await world.send(requestOf({ action: 'delete', 'frontend-port': 8080 }, TOKEN))
  assert.equal(text, 'port 8080 is closed')
  assert.deepEqual(world.opened(), [])
})

test('another name takes a port over, as in their script, and the log tells', async () => {
  const world = await startCalls()
  await world.call('add 8080 10.0.0.11:30808')
  await world.call('add 8080 10.0.0.12:31000', { name: 'mail' })
  assert.deepEqual(world.opened(), ['203.0.113.10:8080 -> mail 10.0.0.12:31000'])
  assert.deepEqual(world.logged, ['warn: port 8080 of "web" at 10.0.0.11:30808 is taken over by "mail"'])
})

test('nothing expires where the configuration says so', async () => {
  const world = await startCalls({ expireMs: undefined })
  await world.call('add 8080 10.0.0.11:30808')
  await world.wait(365 * 24 * 3_600_000)
  assert.deepEqual(world.opened(), [OPEN])
})

test('a restart loses nothing, and begins the time of each anew', async () => {
  const before = await startCalls({ addresses: [ADDRESS, '2001:db8::10'] })
  await before.call('add 8080 10.0.0.11:30808', { 'send-proxy': 'true' })
  await before.call('add 8080 10.0.0.12:30999', { 'send-proxy': 'true' })
  await before.call('add 25 10.0.0.11:30025')
  const table = before.frontends()
  const after = await startCalls({ addresses: [ADDRESS, '2001:db8::10'], disk: before.disk })
  assert.deepEqual(after.frontends(), table)
  await after.wait(1_199_999)
  assert.equal(after.opened().length, 4)
  await after.wait(1)
  assert.deepEqual(after.opened(), [])
})

test('what the configuration does not allow any more is closed at the start', async () => {
  const before = await startCalls()
  await before.call('add 8080 10.0.0.11:30808')
  const moved = await startCalls({ addresses: ['203.0.113.20'], disk: before.disk })
  assert.deepEqual(moved.opened(), ['203.0.113.20:8080 -> web 10.0.0.11:30808'])
})

test('targets are tried, and the PROXY header is sent where a client asks', async () => {
  const world = await startCalls()
  await world.call('add 8080 10.0.0.11:30808', { 'send-proxy': '' })
  await world.call('add 8081 10.0.0.11:30808', { 'send-proxy': 'true' })
  await world.call('add 8082 10.0.0.11:30808', { 'send-proxy': 'v2' })
  const found = world.frontends().map((one) => [one.proxyProtocol, one.healthCheck?.kind, one.healthCheck?.derived])
  assert.deepEqual(found, [
    ['off', 'tcp', true],
    ['v1', 'tcp', true],
    ['v2', 'tcp', true],
  ])
  const other = await startCalls({ settings: { 'proxy-protocol': 'v2', 'health-check': 'off', balance: 'source' } })
  await other.call('add 8080 10.0.0.11:30808')
  const [one] = other.frontends()
  assert.deepEqual([one?.proxyProtocol, one?.healthCheck, one?.balance], ['v2', undefined, 'source'])
  await other.call('add 8080 10.0.0.11:30808', { 'send-proxy': 'false' })
  assert.equal(other.frontends()[0]?.proxyProtocol, 'off')
})

test('a port that a cluster has is told, and served once it is free', async () => {
  const world = await startCalls()
  await world.put('prod/public', owned('prod/public', '203.0.113.10:8080').table)
  const { status, text } = await world.call('add 8080 10.0.0.11:30808')
  assert.equal(status, 409)
  assert.match(text, /^tcp\/203\.0\.113\.10:8080 is not served: .* is held by prod\/public\. /)
  await world.put('prod/public', owned('prod/public').table)
  assert.deepEqual(world.served(), ['webhook.default.tcp.203.0.113.10.8080'])
})

test('a call that cannot be served is an error, and tried again', async () => {
  const world = await startCalls()
  world.memory.broken = { code: 'ProxyUnreachable', kind: 'transient', message: 'it is gone', remedy: 'Start it' }
  const { status, text } = await world.call('add 8080 10.0.0.11:30808')
  assert.ok(status >= 500)
  assert.match(text, /it is gone/)
  await world.wait(5_000)
  await world.wait(5_000)
  assert.equal(world.logged.filter((line) => line.includes('is not served yet')).length, 1)
  world.memory.broken = undefined
  await world.wait(5_000)
  assert.deepEqual(world.opened(), [OPEN])
})

test('calls at one moment share a write', async () => {
  const world = await startCalls()
  const ports = Array.from({ length: 11 }, (_, at) => 8_080 + at)
  const answers = await Promise.all(ports.map((port) => world.call(`add ${port} 10.0.0.11:30808`)))
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
  assert.equal(world.opened().length, 11)
  assert.equal(world.referee.look('webhook/default')?.stored.generation, 2)
})

test('whoever removes the table makes it forgotten until clients call again', async () => {
  const world = await startCalls()
  await world.call('add 8080 10.0.0.11:30808')
  const { uid, generation } = world.referee.look('webhook/default')?.stored ?? assert.fail('no table')
  const owner = { cluster: 'webhook', className: 'default' }
  await world.referee.submit(owner, generation, { kind: 'delete', uid, epoch: 0 }, AbortSignal.timeout(5_000))
  await world.wait(5_000)
  assert.deepEqual(world.opened(), [])
  await world.call('add 8081 10.0.0.11:30808')
  assert.deepEqual(world.opened(), ['203.0.113.10:8081 -> web 10.0.0.11:30808'])
})

test('a port leads to so many addresses and no more', async () => {
  const world = await startCalls()
  for (let at = 1; at <= MOST_LEADS; at++) assert.equal((await world.call(`add 8080 10.0.0.${at}:30808`)).status, 200)
  assert.equal((await world.call('add 8080 10.0.0.1:30808')).status, 200)
  assert.equal((await world.call(`add 8080 10.0.0.${MOST_LEADS + 1}:30808`)).status, 422)
})
