// A proxy that tells nothing: what was sent there survives restarts of the operator in what Services hold.
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { held, service } from '../../support/builders.ts'
import { createWorld, type World } from '../../support/operator-world.ts'
import { type Rig, startRig } from '../drivers/webhook-rig.ts'

let rig: Rig
beforeEach(async () => {
  rig = await startRig()
})
afterEach(() => rig.close())

/** The same cluster with an operator that has just started: its driver knows nothing. */
function restart(world: World): World {
  const proxies = [{ name: 'edge-1', endpoint: 'webhook x', usedBy: new Set(['public']), driver: rig.driver() }]
  world.running = { ...world.running, proxies }
  return world
}

function startWorld(): World {
  return restart(createWorld())
}

/** As when somebody has deleted it: its finalizer keeps it. */
function markDeleted(world: World, name: string): void {
  const one = world.get(name)
  world.put({ ...one, metadata: { ...one.metadata, deletionTimestamp: new Date(world.nowMs).toISOString() } })
}

test('a Service is served, and told which node has its port and which one is next', async () => {
  const world = startWorld()
  world.put(service('web', { ports: ['443'] }))
  await world.pass()
  const port = service('web').spec.ports[0]?.nodePort
  assert.equal(rig.calls.length, 1)
  assert.match(rig.calls[0] ?? '', new RegExp(`^add 443 -> 10\\.0\\.0\\.[12]:${port}$`))
  await world.pass()
  const { status } = world.get('default/web')
  assert.equal(status.loadBalancer.ingress[0]?.ip, '203.0.113.10')
  const told = status.conditions.find(({ type }) => type === 'fairway.dev/Programmed')
  assert.equal(told?.status, 'True')
  assert.match(
    told.message,
    /^Served by 1 of 1 proxies: edge-1\. tcp\/203\.0\.113\.10:443 on proxy vm-1 leads to n[12] \(/,
  )
  const said = world.told.filter((line) => line.includes('SingleTarget')).length
  assert.equal(said, 1)
  // Its node goes: the other one has the port, and that is news.
  const gone = /-> (10\.0\.0\.\d)/.exec(rig.calls[0] ?? '')?.[1]
  world.nodes = world.nodes.filter((node) => node.status.addresses[0]?.address !== gone)
  await world.pass()
  assert.equal(rig.calls.length, 2)
  assert.equal(rig.calls[1]?.includes(gone ?? ''), false)
})

test('an unchanged world is left alone', async () => {
  const world = startWorld()
  world.put(service('web'), service('mail', { ports: ['25'] }))
  for (let pass = 0; pass < 4; pass++) await world.pass()
  assert.equal(rig.calls.length, 2)
})

test('a Service that is deleted while no operator runs is closed by the next one, and let go', async () => {
  const world = startWorld()
  world.put(service('web'), service('mail', { ports: ['25'] }))
  await world.pass()
  markDeleted(world, 'default/web')
  restart(world)
  rig.calls.splice(0)
  await world.pass()
  assert.equal(rig.calls[0], 'delete 443')
  assert.match(rig.calls.slice(1).join(), /^add 25 -> [0-9.:]+$/)
  assert.deepEqual([...world.services.keys()], ['default/mail'])
})

test('a Service is not let go before its port is closed', async () => {
  const world = startWorld()
  world.put(service('web'))
  await world.pass()
  markDeleted(world, 'default/web')
  rig.answer = () => ({ status: 503, text: 'gone' })
  await world.pass()
  assert.ok(world.services.has('default/web'))
  restart(world)
  await world.pass()
  assert.ok(world.services.has('default/web'))
  rig.answer = () => ({ status: 200, text: '' })
  await world.pass()
  assert.equal(rig.calls.at(-1), 'delete 443')
  assert.equal(world.services.has('default/web'), false)
})

test('a port that a Service drops is closed, and so is a frontend that leaves the configuration', async () => {
  const world = startWorld()
  world.put(service('web', { ports: ['443', '80'] }))
  await world.pass()
  const one = world.get('default/web')
  world.put({ ...one, spec: { ...one.spec, ports: one.spec.ports.slice(0, 1) } })
  await world.pass()
  assert.equal(rig.calls.at(-1), 'delete 80')
  // What the old configuration had is handed on when another one takes its place, with new drivers.
  restart(world)
  world.running.evidence.add(['tcp/203.0.113.10:6443', 'tcp/198.51.100.1:7443'])
  rig.calls.splice(0)
  await world.pass()
  assert.deepEqual(
    rig.calls.filter((call) => call.startsWith('delete')),
    ['delete 6443'],
  )
})

test('what another class has given is not closed', async () => {
  const world = startWorld()
  world.put(
    service('other', {
      annotations: { class: 'other' },
      record: { ...held('25/TCP', '203.0.113.10'), className: 'other' },
    }),
  )
  await world.pass()
  assert.deepEqual(rig.calls, [])
})
