import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { FairwayError } from '../../../src/model/problems.ts'
import {
  EMPTY_TABLE,
  type Frontend,
  frontendKey,
  makeTable,
  type Table,
  type Target,
} from '../../../src/model/table.ts'
import { diffTables } from '../../../src/plan/diff.ts'
import { frontend } from '../../support/builders.ts'
import { passWith, type Rig, startRig } from './webhook-rig.ts'

let rig: Rig
beforeEach(async () => {
  rig = await startRig()
})
afterEach(() => rig.close())

const NODE = { name: 'n1', address: '10.0.0.1' }

function tableOf(frontends: readonly Frontend[], targets: readonly Target[] = [NODE]): Table {
  return makeTable(frontends, [{ id: 'nodes', targets }])
}

const on = (port: number, wishes: Partial<Frontend> = {}) => frontend({ port, targetPort: 30_000 + port, ...wishes })
const key = (port: number) => frontendKey(on(port))
const signal = () => AbortSignal.timeout(10_000)

test('a call says what the clients of poor-mans-k8s-lb say', async () => {
  const service = { namespace: 'team-a', name: 'web', uid: 'u1' }
  await passWith(rig.driver(), tableOf([on(443, { service, proxyProtocol: 'v1' })]))
  const body = {
    name: 'prod.public.team-a.web',
    'frontend-port': '443',
    'backend-port': '30443',
    'dst-ip': '10.0.0.1',
    action: 'add',
    'send-proxy': 'true',
  }
  assert.deepEqual(rig.bodies, [body])
  assert.equal(rig.headers['x-funkypenguin-token'], 'a-token')
  assert.equal(rig.headers['content-type'], 'application/json')
  await passWith(rig.driver({ sendProxy: 'off', header: 'X-Other' }), tableOf([on(25)]))
  assert.equal('send-proxy' in (rig.bodies[1] ?? {}), false)
  assert.equal(rig.headers['x-other'], 'a-token')
})

test('only what is new is called for, one call at a time, and goodbyes first', async () => {
  const driver = rig.driver()
  assert.equal((await passWith(driver, tableOf([on(25), on(80), on(443)]))).wrote, true)
  assert.equal((await passWith(driver, tableOf([on(25), on(80), on(443)]))).wrote, false)
  assert.equal(rig.calls.length, 3)
  assert.equal((await passWith(driver, tableOf([on(25), on(80, { targetPort: 31_000 }), on(993)]))).wrote, true)
  assert.deepEqual(rig.calls.slice(3), ['delete 443', 'add 80 -> 10.0.0.1:31000', 'add 993 -> 10.0.0.1:30993'])
  assert.equal(rig.most, 1)
})

test('a node that comes or goes changes only the ports that it has', async () => {
  const driver = rig.driver()
  const nodes = Array.from({ length: 10 }, (_, at) => ({ name: `n${at}`, address: `10.0.0.${at}` }))
  const ports = Array.from({ length: 40 }, (_, at) => on(8_000 + at))
  await passWith(driver, tableOf(ports, nodes))
  const before = rig.calls.toSorted()
  const used = new Set(rig.bodies.map((body) => body['dst-ip']))
  assert.ok(used.size > 5, 'ports are spread over the nodes')
  await passWith(driver, tableOf(ports, nodes.slice(1)))
  const moved = before.filter((call) => call.includes('-> 10.0.0.0:'))
  assert.equal(rig.calls.length - before.length, moved.length)
})

test('a port without targets is closed, and opened when they come', async () => {
  const driver = rig.driver()
  await passWith(driver, tableOf([on(443)]))
  assert.deepEqual(await passWith(driver, tableOf([on(443)], [])), { refused: [], wrote: true })
  assert.deepEqual(await passWith(driver, tableOf([on(443)], [])), { refused: [], wrote: false })
  await passWith(driver, tableOf([on(443)]))
  assert.deepEqual(rig.calls, ['add 443 -> 10.0.0.1:30443', 'delete 443', 'add 443 -> 10.0.0.1:30443'])
})

test('after a restart what Services hold is sent or closed, and what no script can have opened is left', async () => {
  const held = [
    key(80),
    key(443),
    'udp/203.0.113.10:53',
    'tcp/203.0.113.99:25',
    'tcp/[2001:db8::1]:25',
    `${key(993)}#a.example`,
  ]
  const driver = rig.driver()
  assert.equal((await passWith(driver, tableOf([on(443)]), held)).wrote, true)
  assert.deepEqual(rig.calls, ['delete 80', 'add 443 -> 10.0.0.1:30443'])
  // The record of 80 stays until its Service is let go.
  assert.equal((await passWith(driver, tableOf([on(443)]), held)).wrote, false)
  await passWith(driver, tableOf([on(443)]), [key(443)])
  assert.equal((await passWith(driver, tableOf([on(80), on(443)]), [key(443)])).wrote, true)
  assert.equal((await passWith(driver, tableOf([on(443)]), [key(443), key(80)])).wrote, true)
  assert.deepEqual(rig.calls.slice(2), ['add 80 -> 10.0.0.1:30080', 'delete 80'])
})

test('a port that has no targets after a restart stays as it is until they come', async () => {
  const driver = rig.driver()
  for (let pass = 0; pass < 3; pass++) await passWith(driver, tableOf([on(443)], []), [key(443)])
  assert.deepEqual(rig.calls, [])
  await passWith(driver, tableOf([on(443)]), [key(443)])
  assert.deepEqual(rig.calls, ['add 443 -> 10.0.0.1:30443'])
})

test('a Service that is held after a restart stays as it is', async () => {
  const driver = rig.driver()
  driver.recall?.(new Set([key(80), key(443)]))
  const plan = diffTables(await driver.read(signal()), tableOf([on(443)]), new Set([key(80)]))
  await driver.apply(plan, signal())
  assert.deepEqual(rig.calls, ['add 443 -> 10.0.0.1:30443'])
})

test('a machine that goes away in the middle gets the rest later, and nothing twice but what may be lost', async () => {
  const driver = rig.driver({ timeoutMs: 300 })
  rig.answer = (body) => (body['frontend-port'] === '443' ? { status: 503, text: 'gone' } : { status: 200, text: '' })
  const table = tableOf([on(25), on(443), on(80)])
  await assert.rejects(passWith(driver, table), (error) => {
    return error instanceof FairwayError && error.problem.code === 'ProxyUnreachable'
  })
  rig.answer = () => ({ status: 200, text: '' })
  await passWith(driver, table)
  assert.deepEqual(rig.calls.toSorted(), [
    'add 25 -> 10.0.0.1:30025',
    'add 443 -> 10.0.0.1:30443',
    'add 443 -> 10.0.0.1:30443',
    'add 80 -> 10.0.0.1:30080',
  ])
})

test('what is due goes out a few at a time, and a failure of it is not forgotten', async () => {
  const driver = rig.driver({ resendMs: 1 })
  const table = tableOf(Array.from({ length: 10 }, (_, at) => on(8_000 + at)))
  await passWith(driver, table)
  await passWith(driver, table)
  assert.equal(rig.calls.length, 14)
  rig.answer = () => ({ status: 503, text: 'gone' })
  await assert.rejects(passWith(driver, table))
  rig.answer = () => ({ status: 200, text: '' })
  const patient = rig.calls.at(-1)
  await passWith(driver, table)
  assert.ok(rig.calls.slice(15).includes(patient ?? ''))
})

test('a goodbye that fails is said again, and holds nothing else up', async () => {
  const driver = rig.driver()
  await passWith(driver, tableOf([on(25)]))
  rig.answer = ({ action }) => (action === 'delete' ? { status: 500, text: 'no such file' } : { status: 200, text: '' })
  await assert.rejects(passWith(driver, tableOf([on(443)])), (error) => {
    return error instanceof FairwayError && error.problem.code === 'ProxyRejected' && /no such file/.test(error.message)
  })
  rig.answer = () => ({ status: 200, text: '' })
  await passWith(driver, tableOf([on(443)]))
  assert.deepEqual(rig.calls.slice(1), ['delete 25', 'add 443 -> 10.0.0.1:30443', 'delete 25'])
  assert.equal((await passWith(driver, tableOf([on(443)]))).wrote, false)
})

test('a port that could not be closed for want of targets is closed later', async () => {
  const driver = rig.driver()
  await passWith(driver, tableOf([on(25)]))
  rig.answer = () => ({ status: 503, text: 'gone' })
  await assert.rejects(passWith(driver, tableOf([on(25)], [])))
  rig.answer = () => ({ status: 200, text: '' })
  await passWith(driver, tableOf([on(25)], []))
  assert.deepEqual(rig.calls.slice(1), ['delete 25', 'delete 25'])
})

test('who may not write any more sends nothing', async () => {
  const lost = new FairwayError({ code: 'LeaseLost', kind: 'transient', message: 'lost', remedy: 'wait' })
  const fence = () => {
    throw lost
  }
  await assert.rejects(passWith(rig.driver({ fence }), tableOf([on(443)])), lost)
  assert.deepEqual(rig.calls, [])
})

test('what was planned for another state is not done', async () => {
  const driver = rig.driver()
  const plan = diffTables(await driver.read(signal()), tableOf([on(443)]))
  await driver.apply(plan, signal())
  await assert.rejects(driver.apply(plan, signal()), /than the one that was planned for/)
})

test('calls keep their distance, and a signal ends the waiting', async () => {
  const driver = rig.driver({ spacingMs: 60 })
  const startedAt = performance.now()
  await passWith(driver, tableOf([on(25), on(80), on(443)]))
  assert.ok(performance.now() - startedAt >= 120)
  const slow = rig.driver({ spacingMs: 60_000 })
  const plan = diffTables(await slow.read(signal()), tableOf([on(25), on(80)]))
  const abort = new AbortController()
  const applying = slow.apply(plan, abort.signal)
  setTimeout(() => abort.abort(new Error('stop')), 50)
  await assert.rejects(applying, /stop/)
})

test('a plan is previewed without a call', async () => {
  const driver = rig.driver()
  const v6 = on(80, { address: '2001:db8::10' })
  const plan = diffTables(await driver.read(signal()), tableOf([on(443), v6]))
  assert.deepEqual(
    (await driver.preview?.(plan, signal()))?.map((one) => one.key),
    [frontendKey(v6)],
  )
  assert.deepEqual(rig.calls, [])
})

test('nothing is left of what was asked for', async () => {
  const driver = rig.driver()
  await passWith(driver, tableOf([on(443)]))
  await passWith(driver, EMPTY_TABLE)
  assert.deepEqual((await driver.read(signal())).table, EMPTY_TABLE)
  assert.deepEqual(rig.calls.at(-1), 'delete 443')
})
