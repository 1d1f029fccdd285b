// What becomes of a served Service when its wishes change.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXTERNAL_ADDRESS_ANNOTATION } from '../../../src/model/names.ts'
import { frontendKey } from '../../../src/model/table.ts'
import { held, PUBLIC, pool, service } from '../../support/builders.ts'
import { createWorld, type World } from '../../support/operator-world.ts'

function served(world: World): readonly string[] {
  return world.proxies[0]?.table.frontends.map(frontendKey) ?? []
}

test('an address that a Service has no more is taken from its status, before somebody else shows it', async () => {
  const world = createWorld()
  world.put(service('web', { annotations: { class: 'public' } }))
  await world.pass()
  const before = world.get('default/web')
  const rules = [PUBLIC, { ...PUBLIC, name: 'other', default: false }]
  const spec = { ...world.running.spec, name: 'other', pools: [pool('small', ['198.51.100.1'])] }
  const annotations = { 'fairway.dev/class': 'other' }
  world.running = { ...world.running, rules, spec }
  world.put(
    { ...before, metadata: { ...before.metadata, annotations } },
    service('first', {
      annotations: { class: 'other' },
      record: { ...held('443/TCP', '198.51.100.1'), className: 'other' },
    }),
  )
  await world.pass()
  const after = world.get('default/web')
  assert.deepEqual(after.status.loadBalancer.ingress, [])
  assert.deepEqual(
    after.status.conditions.map(({ type, status, reason }) => [type, status, reason]),
    [['fairway.dev/Allocated', 'False', 'PoolExhausted']],
  )
})

test('families that cannot be had leave a served Service with the address that it has', async () => {
  const world = createWorld()
  world.put(service('web'))
  await world.pass()
  const before = world.get('default/web')
  world.put({ ...before, metadata: { ...before.metadata, annotations: { 'fairway.dev/families': 'IPv6' } } })
  await world.pass()
  assert.deepEqual(served(world), ['tcp/203.0.113.10:443'])
  assert.ok(world.told.some((line) => line.includes('FamilyUnavailable')))
})

test('a NodePort Service that becomes LoadBalancer loses the annotation, and shows the same address in its status', async () => {
  const world = createWorld()
  world.put(service('web', { type: 'NodePort', annotations: { class: 'public' } }))
  await world.pass()
  const before = world.get('default/web')
  world.put({ ...before, spec: { ...before.spec, type: 'LoadBalancer' } })
  await world.pass()
  const after = world.get('default/web')
  assert.equal(after.metadata.annotations[EXTERNAL_ADDRESS_ANNOTATION], undefined)
  assert.equal(after.status.loadBalancer.ingress[0]?.ip, '203.0.113.10')
})

test('what is held and was edited by hand besides is left exactly as it is', async () => {
  const world = createWorld()
  const [proxy] = world.proxies
  assert.ok(proxy)
  world.put(service('web'))
  await world.pass()
  const before = world.get('default/web')
  world.put({ ...before, metadata: { ...before.metadata, annotations: { 'fairway.dev/balance': 'best' } } })
  proxy.drifted = new Set(['tcp/203.0.113.10:443'])
  const [writes] = [proxy.writes]
  await world.pass()
  assert.deepEqual(served(world), ['tcp/203.0.113.10:443'])
  assert.equal(proxy.writes, writes)
})
