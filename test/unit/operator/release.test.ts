import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import type { Problem } from '../../../src/model/problems.ts'
import { service } from '../../support/builders.ts'
import { createWorld, type World } from '../../support/operator-world.ts'

const GONE: Problem = {
  code: 'ProxyUnreachable',
  kind: 'transient',
  message: 'Proxy edge-1 does not answer',
  remedy: 'Start it',
}

async function servedWorld(wishes: Parameters<typeof createWorld>[0] = {}): Promise<World> {
  const world = createWorld(wishes)
  world.put(service('web'))
  await world.pass()
  world.writes.length = 0
  world.told.length = 0
  return world
}

function deleted(one: ServiceObject, at: string): ServiceObject {
  return { ...one, metadata: { ...one.metadata, deletionTimestamp: at } }
}

test('a deleted Service leaves the proxy, then loses its finalizer', async () => {
  const world = await servedWorld()
  world.put(deleted(world.get('default/web'), '2026-01-01T00:00:00Z'))
  await world.pass()
  assert.deepEqual(world.proxies[0]?.table.frontends, [])
  assert.equal(world.services.has('default/web'), false)
  assert.deepEqual(world.told, ['default/web Normal Released: Released 203.0.113.10'])
})

test('it waits for a proxy that cannot be reached, but not beyond the patience', async () => {
  const world = await servedWorld()
  const [proxy] = world.proxies
  assert.ok(proxy)
  proxy.broken = GONE
  world.put(deleted(world.get('default/web'), new Date(world.nowMs).toISOString()))
  assert.equal((await world.pass()).unfinished, true)
  assert.ok(world.services.has('default/web'))
  assert.match(world.told[0] ?? '', /Warning ProxyUnreachable: Not released yet: Proxy edge-1 does not answer/)
  world.nowMs += 600_000
  await world.pass()
  assert.equal(world.services.has('default/web'), false)
  assert.match(world.told.at(-1) ?? '', /Warning Released: Released 203.0.113.10 without a word from every proxy/)
  proxy.broken = undefined
  await world.pass()
  assert.deepEqual(proxy.table.frontends, [], 'the proxy that returned is corrected')
})

test('a Service that becomes ClusterIP is let go with everything of ours', async () => {
  const world = await servedWorld()
  const before = world.get('default/web')
  world.put({ ...before, spec: { ...before.spec, type: 'ClusterIP' } })
  await world.pass()
  const after = world.get('default/web')
  assert.deepEqual(after.metadata.finalizers, [])
  assert.deepEqual(after.status, { conditions: [], loadBalancer: { ingress: [] } })
  assert.deepEqual(world.proxies[0]?.table.frontends, [])
  await world.pass()
  assert.equal(world.writes.length, 1)
})

test('a default class bears the finalizer of a cloud controller, and takes it off again', async () => {
  const world = await servedWorld({ standing: true })
  assert.deepEqual(world.get('default/web').metadata.finalizers, ['service.kubernetes.io/load-balancer-cleanup'])
  world.put(deleted(world.get('default/web'), '2026-01-01T00:00:00Z'))
  await world.pass()
  assert.equal(world.services.has('default/web'), false)
})

test('an address that another controller put there is not ours to clear', async () => {
  const world = await servedWorld()
  const before = world.get('default/web')
  const ingress = [{ ip: '192.0.2.99', ports: [] }]
  world.put({
    ...before,
    spec: { ...before.spec, type: 'ClusterIP' },
    status: { ...before.status, loadBalancer: { ingress } },
  })
  await world.pass()
  assert.deepEqual(world.get('default/web').status.loadBalancer.ingress, ingress)
})

test('100 Services deleted on purpose go; 100 that vanish without a trace are held back', async () => {
  const world = createWorld()
  for (let i = 0; i < 100; i++) world.put(service(`s${i}`, { ports: [String(1000 + i)] }))
  await world.pass()
  const all = [...world.services.values()]
  world.services.clear()
  await world.pass()
  assert.equal(world.proxies[0]?.table.frontends.length, 100)
  world.put(...all.slice(0, 1))
  await world.pass()
  assert.equal(world.proxies[0]?.table.frontends.length, 100)
  assert.match(world.told.join('\n'), /default\/s0 Warning RemovalHeld: 99 of 100 frontends on proxy edge-1/)
  world.put(...all.map((one) => deleted(one, '2026-01-01T00:00:00Z')))
  await world.pass()
  assert.deepEqual(world.proxies[0]?.table.frontends, [])
  assert.deepEqual([...world.services.keys()], [])
})

test('a Service of a class that is not configured any more is let go by the class that speaks for strays', async () => {
  const world = await servedWorld()
  world.running = {
    ...world.running,
    spec: { ...world.running.spec, name: 'other' },
    rules: [{ name: 'other', default: false, aliases: [], namespaces: ['*'] }],
  }
  await world.pass()
  assert.equal(world.get('default/web').metadata.finalizers.length, 1, 'the class may have been the default one')
  const before = world.get('default/web')
  world.put({ ...before, spec: { ...before.spec, type: 'NodePort' } })
  await world.pass()
  assert.deepEqual(world.get('default/web').metadata.finalizers, [])
})

test("a cloud controller's finalizer beside ours stays; a class of the other kind changes ours", async () => {
  const world = await servedWorld()
  const before = world.get('default/web')
  const finalizers = [...before.metadata.finalizers, 'service.kubernetes.io/load-balancer-cleanup']
  world.put({ ...before, metadata: { ...before.metadata, finalizers }, spec: { ...before.spec, type: 'ClusterIP' } })
  await world.pass()
  assert.deepEqual(world.get('default/web').metadata.finalizers, ['service.kubernetes.io/load-balancer-cleanup'])
  const other = await servedWorld()
  other.running = { ...other.running, standing: true }
  await other.pass()
  assert.deepEqual(other.get('default/web').metadata.finalizers, ['service.kubernetes.io/load-balancer-cleanup'])
})

test('Services that were let go without a word from a proxy leave it when it returns, however many they were', async () => {
  const world = createWorld()
  const [proxy] = world.proxies
  assert.ok(proxy)
  for (let i = 0; i < 20; i++) world.put(service(`s${i}`, { ports: [String(1000 + i)] }))
  await world.pass()
  proxy.broken = GONE
  const all = [...world.services.values()].slice(1)
  world.put(...all.map((one) => deleted(one, new Date(world.nowMs).toISOString())))
  world.nowMs += 600_000
  await world.pass()
  assert.deepEqual([...world.services.keys()], ['default/s0'])
  proxy.broken = undefined
  await world.pass()
  assert.equal(proxy.table.frontends.length, 1)
})

test('ports that a Service dropped while a proxy was away leave it when it returns', async () => {
  const world = createWorld()
  const [proxy] = world.proxies
  assert.ok(proxy)
  const ports = Array.from({ length: 20 }, (_, index) => String(1000 + index))
  world.put(service('many', { ports }))
  await world.pass()
  proxy.broken = GONE
  const before = world.get('default/many')
  world.put({ ...before, spec: { ...before.spec, ports: before.spec.ports.slice(0, 2) } })
  await world.pass()
  await world.pass()
  proxy.broken = undefined
  await world.pass()
  assert.equal(proxy.table.frontends.length, 2)
})
