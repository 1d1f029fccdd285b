import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXTERNAL_ADDRESS_ANNOTATION } from '../../../src/model/names.ts'
import { frontendKey } from '../../../src/model/table.ts'
import { node, service } from '../../support/builders.ts'
import { createWorld, type World } from '../../support/operator-world.ts'

function served(world: World, proxy = 0): readonly string[] {
  return world.proxies[proxy]?.table.frontends.map(frontendKey) ?? []
}

function condition(world: World, name: string, type: string) {
  return world.get(name).status.conditions.find((one) => one.type === `fairway.dev/${type}`)
}

test('a Service is recorded, programmed and published in two writes', async () => {
  const world = createWorld()
  world.put(service('web', { ports: ['80', '443'] }))
  await world.pass()
  assert.deepEqual(served(world), ['tcp/203.0.113.10:443', 'tcp/203.0.113.10:80'])
  assert.deepEqual(world.get('default/web').status.loadBalancer.ingress, [
    { ip: '203.0.113.10', ipMode: 'Proxy', ports: [] },
  ])
  assert.equal(
    condition(world, 'default/web', 'Allocated')?.message,
    '203.0.113.10 for ports 80/TCP, 443/TCP of class public',
  )
  assert.equal(condition(world, 'default/web', 'Programmed')?.message, 'Served by 1 of 1 proxies: edge-1')
  assert.deepEqual(world.get('default/web').metadata.finalizers, ['fairway.dev/cleanup'])
  assert.deepEqual(world.writes, ['default/web', 'default/web'])
  assert.deepEqual(world.told, ['default/web Normal Served: 203.0.113.10 serves 80/TCP, 443/TCP'])
})

test('a second pass over the same world writes and tells nothing, and neither does a new operator', async () => {
  const world = createWorld({ proxies: 2 })
  world.put(
    service('web'),
    service('mail', { ports: ['25'] }),
    service('broken', { annotations: { balance: 'fastest' } }),
  )
  await world.pass()
  const before = JSON.stringify([...world.services.values()])
  const [writes, told] = [world.writes.length, world.told.length]
  await world.pass()
  await world.pass()
  assert.equal(JSON.stringify([...world.services.values()]), before)
  assert.deepEqual([world.writes.length, world.told.length], [writes, told])
  assert.deepEqual(
    world.proxies.map((proxy) => proxy.writes),
    [1, 1],
  )
})

test('an address is published only once a proxy serves it, and not withdrawn when the proxy goes', async () => {
  const world = createWorld()
  const [proxy] = world.proxies
  assert.ok(proxy)
  const gone = {
    code: 'ProxyUnreachable',
    kind: 'transient',
    message: 'Proxy edge-1 does not answer',
    remedy: 'Start it',
  } as const
  proxy.broken = gone
  world.put(service('web'))
  const first = await world.pass()
  assert.equal(first.unfinished, true)
  assert.deepEqual(world.get('default/web').status.loadBalancer.ingress, [])
  assert.equal(condition(world, 'default/web', 'Programmed')?.reason, 'ProxyUnreachable')
  assert.deepEqual(world.told, ['default/web Warning ProxyUnreachable: Proxy edge-1 does not answer. Start it'])
  proxy.broken = undefined
  assert.equal((await world.pass()).unfinished, false)
  assert.equal(world.get('default/web').status.loadBalancer.ingress[0]?.ip, '203.0.113.10')
  proxy.broken = gone
  await world.pass()
  assert.equal(world.get('default/web').status.loadBalancer.ingress[0]?.ip, '203.0.113.10')
  assert.equal(condition(world, 'default/web', 'Programmed')?.status, 'False')
})

test('one of two proxies is enough to serve, and the other is named', async () => {
  const world = createWorld({ proxies: 2 })
  const [, second] = world.proxies
  assert.ok(second)
  second.broken = {
    code: 'ProxyUnreachable',
    kind: 'transient',
    message: 'Proxy edge-2 does not answer',
    remedy: 'Start it',
  }
  world.put(service('web'))
  await world.pass()
  assert.equal(world.get('default/web').status.loadBalancer.ingress[0]?.ip, '203.0.113.10')
  const programmed = condition(world, 'default/web', 'Programmed')
  assert.deepEqual(
    [programmed?.status, programmed?.message],
    ['True', 'Served by 1 of 2 proxies: edge-1. Proxy edge-2 does not answer. Start it'],
  )
})

test('a port that a proxy refuses is an error of that port; the others are served', async () => {
  const world = createWorld()
  const [proxy] = world.proxies
  assert.ok(proxy)
  const taken = {
    code: 'PortTaken',
    kind: 'terminal',
    message: 'sshd listens there',
    remedy: 'Use another port',
  } as const
  proxy.refuses = new Map([['tcp/203.0.113.10:22', taken]])
  world.put(service('git', { ports: ['22', '443'] }))
  await world.pass()
  assert.deepEqual(world.get('default/git').status.loadBalancer.ingress[0]?.ports, [
    { port: 22, protocol: 'TCP', error: 'fairway.dev/PortTaken' },
    { port: 443, protocol: 'TCP' },
  ])
  assert.deepEqual(served(world), ['tcp/203.0.113.10:443'])
  assert.equal(condition(world, 'default/git', 'Programmed')?.status, 'False')
})

test('a port that is closed because its source ranges cannot be read is not shown as served', async () => {
  const world = createWorld()
  world.put(service('web', { spec: { loadBalancerSourceRanges: ['010.0.0.0/8'] } }))
  await world.pass()
  assert.deepEqual(served(world), [])
  assert.deepEqual(world.get('default/web').status.loadBalancer.ingress, [])
  const programmed = condition(world, 'default/web', 'Programmed')
  assert.deepEqual([programmed?.status, programmed?.reason], ['False', 'AddressInvalid'])
})

test('a NodePort Service carries its address as an annotation', async () => {
  const world = createWorld()
  world.put(
    service('web', { type: 'NodePort', ports: ['https:8443'], annotations: { class: 'public', ports: 'https=443' } }),
  )
  await world.pass()
  assert.deepEqual(served(world), ['tcp/203.0.113.10:443'])
  assert.equal(world.get('default/web').metadata.annotations[EXTERNAL_ADDRESS_ANNOTATION], '203.0.113.10')
  assert.deepEqual(world.get('default/web').status.loadBalancer.ingress, [])
})

test('a Service whose record cannot be written gets nothing on the proxy', async () => {
  const world = createWorld()
  world.frozen = true
  world.put(service('web'))
  assert.equal((await world.pass()).unfinished, true)
  assert.deepEqual(served(world), [])
  world.frozen = false
  await world.pass()
  assert.deepEqual(served(world), ['tcp/203.0.113.10:443'])
})

test('a malformed annotation leaves what is served as it is; a new Service with one is not served', async () => {
  const world = createWorld()
  world.put(service('web', { annotations: { 'proxy-protocol': 'v2' } }))
  await world.pass()
  const edited = world.get('default/web')
  const annotations = { ...edited.metadata.annotations, 'fairway.dev/proxy-protocol': 'v3' }
  world.put(
    { ...edited, metadata: { ...edited.metadata, annotations } },
    service('other', { ports: ['80'], annotations: { balance: 'best' } }),
  )
  await world.pass()
  const [frontend, ...others] = world.proxies[0]?.table.frontends ?? []
  assert.equal(frontend?.proxyProtocol, 'v2')
  assert.deepEqual(others, [])
  assert.equal(condition(world, 'default/other', 'Allocated')?.reason, 'AnnotationInvalid')
  assert.ok(world.told.some((line) => line.includes('default/web Warning AnnotationInvalid') && line.includes('"v3"')))
})

test('all nodes gone: frontends keep the targets that they have', async () => {
  const world = createWorld()
  world.put(service('web'))
  await world.pass()
  world.nodes = []
  await world.pass()
  const [group] = world.proxies[0]?.table.groups ?? []
  assert.deepEqual(
    group?.targets.map(({ address }) => address),
    ['10.0.0.1', '10.0.0.2'],
  )
  assert.ok(world.told.some((line) => line.includes('NoTargets')))
  world.nodes = [node('n3', ['InternalIP 10.0.0.3'])]
  await world.pass()
  assert.deepEqual(
    world.proxies[0]?.table.groups[0]?.targets.map(({ address }) => address),
    ['10.0.0.3'],
  )
})

test('a write lost to another writer is planned anew within the pass, a few times', async () => {
  const world = createWorld()
  const [proxy] = world.proxies
  assert.ok(proxy)
  proxy.races = 2
  world.put(service('web'))
  assert.equal((await world.pass()).unfinished, false)
  assert.equal(proxy.writes, 1)
  proxy.races = 5
  world.put(service('mail', { ports: ['25'] }))
  assert.equal((await world.pass()).unfinished, true)
})

test('a hand edit on the proxy is repaired', async () => {
  const world = createWorld()
  const [proxy] = world.proxies
  assert.ok(proxy)
  world.put(service('web'))
  await world.pass()
  proxy.drifted = new Set(['tcp/203.0.113.10:443'])
  await world.pass()
  assert.equal(proxy.writes, 2)
})

test('Services of an unknown class are told and never written to', async () => {
  const world = createWorld()
  world.put(service('web', { annotations: { class: 'pubic' } }))
  await world.pass()
  assert.deepEqual(world.writes, [])
  assert.match(
    world.told[0] ?? '',
    /ClassUnknown: Service default\/web names class "pubic".* \(did you mean "public"\?\)/,
  )
})
