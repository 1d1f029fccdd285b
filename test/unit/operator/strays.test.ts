// What classes leave on a proxy that do not use it any more, or that the configuration has no more.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import { frontendKey } from '../../../src/model/table.ts'
import { classSpec, held, PUBLIC, pool, service } from '../../support/builders.ts'
import { classBeside, createWorld, proxyOf, type World } from '../../support/operator-world.ts'

/** A Service that class `old` served, which the configuration of the world does not have. */
function ofOld(name: string, port: number, annotations: Readonly<Record<string, string>> = {}): ServiceObject {
  const record = { ...held(`${port}/TCP`, '203.0.113.10'), className: 'old' }
  const meta = { finalizers: ['fairway.dev/cleanup'] }
  const made = service(name, { ports: [String(port)], annotations, record })
  return { ...made, metadata: { ...made.metadata, ...meta } }
}

function leftByOld(...ports: readonly number[]) {
  return ports.map((port) => ({ className: 'old', key: `tcp/203.0.113.10:${port}` }))
}

/** The one proxy of a world: `own tcp/…` and `old tcp/…`. */
function on(world: World): readonly string[] {
  const [proxy] = world.proxies
  return [
    ...(proxy?.table.frontends.map((one) => `own ${frontendKey(one)}`) ?? []),
    ...(proxy?.siblings.map(({ className, key }) => `${className} ${key}`) ?? []),
  ]
}

function worldWith(services: readonly ServiceObject[], left: readonly number[]): World {
  const world = createWorld()
  world.put(...services)
  const [proxy] = world.proxies
  assert.ok(proxy)
  proxy.siblings = leftByOld(...left)
  return world
}

describe('a class was taken out of the configuration', () => {
  test('a Service that names it keeps what it has, and is told', async () => {
    const world = worldWith([ofOld('web', 443, { class: 'old' })], [443])
    await world.pass()
    await world.pass()
    assert.deepEqual(on(world), ['old tcp/203.0.113.10:443'])
    assert.deepEqual(world.writes, [])
    assert.match(world.told.join(), /ClassUnknown/)
  })

  test('nobody else gets a socket from under it', async () => {
    const world = worldWith([ofOld('web', 443, { class: 'old' }), service('other')], [443])
    await world.pass()
    assert.deepEqual(on(world), ['old tcp/203.0.113.10:443'])
    assert.match(world.told.join(), /default\/other Warning PortTaken/)
  })

  test('a Service that the default class takes over keeps address and socket, in one write', async () => {
    const world = worldWith([ofOld('web', 443)], [443])
    await world.pass()
    assert.deepEqual([on(world), world.proxies[0]?.writes], [['own tcp/203.0.113.10:443'], 1])
    assert.deepEqual(world.get('default/web').status.loadBalancer.ingress[0]?.ip, '203.0.113.10')
  })

  test('100 of them are no reason to hold anything back, even if the proxy was away while that was written down', async () => {
    const ports = Array.from({ length: 100 }, (_, index) => 1_000 + index)
    const world = worldWith(
      ports.map((port) => ofOld(`s${port}`, port)),
      ports,
    )
    const [proxy] = world.proxies
    assert.ok(proxy)
    proxy.broken = { code: 'ProxyUnreachable', kind: 'transient', message: 'away', remedy: 'Start it' }
    await world.pass()
    proxy.broken = undefined
    await world.pass()
    assert.deepEqual(on(world), ports.map((port) => `own tcp/203.0.113.10:${port}`).toSorted())
  })

  test('a Service that is deleted is let go once it is off the proxy', async () => {
    const gone = ofOld('web', 443, { class: 'old' })
    const metadata = { ...gone.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' }
    const world = worldWith([{ ...gone, metadata }, ofOld('mail', 25, { class: 'old' })], [443, 25])
    await world.pass()
    assert.deepEqual(on(world), ['old tcp/203.0.113.10:25'])
    assert.deepEqual([...world.services.keys()], ['default/mail'])
  })

  test('what no Service accounts for goes when it is little, and stays when it is much', async () => {
    const few = worldWith([], [443, 80])
    await few.pass()
    assert.deepEqual(on(few), [])
    const many = worldWith(
      [service('web', { ports: ['1'] })],
      Array.from({ length: 20 }, (_, port) => port + 100),
    )
    await many.pass()
    assert.equal(on(many).length, 21)
    assert.match(many.told.join(), /Warning RemovalHeld: 20 frontends on proxy edge-1 are left from class old/)
  })
})

describe('a class does not use the proxy any more', () => {
  const rules = [PUBLIC, { ...PUBLIC, name: 'old', default: false }]

  test('what it left goes, though its Services are there', async () => {
    const world = worldWith([ofOld('web', 443, { class: 'old' })], [443])
    world.running = { ...world.running, rules }
    await world.pass()
    assert.deepEqual(on(world), [])
  })

  test('what it has on a proxy that it uses is none of our business', async () => {
    const world = worldWith([ofOld('web', 443, { class: 'old' })], [443])
    const [proxy] = world.proxies
    assert.ok(proxy)
    world.running = { ...world.running, rules, proxies: [proxyOf('edge-1', proxy, ['public', 'old'])] }
    await world.pass()
    assert.deepEqual(on(world), ['old tcp/203.0.113.10:443'])
    assert.equal(proxy.writes, 0)
  })
})

test('a stray that comes back has a writer: it is left alone from then on, and that is logged once', async () => {
  const world = worldWith([], [443])
  const [proxy] = world.proxies
  assert.ok(proxy)
  await world.pass()
  proxy.siblings = leftByOld(443)
  await world.pass()
  await world.pass()
  assert.deepEqual(on(world), ['old tcp/203.0.113.10:443'])
  assert.equal(proxy.writes, 1)
  assert.equal(world.logged.filter((line) => line.includes('came back to proxy edge-1')).length, 1)
  proxy.siblings = [...leftByOld(443), ...leftByOld(80)]
  await world.pass()
  assert.deepEqual(on(world), ['old tcp/203.0.113.10:443'], 'others still go')
})

test('Services that move to another class by the dozen leave the old one’s proxies, though its name is on none of them any more', async () => {
  const world = createWorld({ proxies: 2 })
  const [first, second] = world.proxies
  assert.ok(first && second)
  const rules = [PUBLIC, { ...PUBLIC, name: 'other', default: false }]
  world.running = { ...world.running, rules, proxies: [proxyOf('edge-1', first, ['public'])] }
  const other = classBeside(world, 'other', {
    spec: classSpec({ name: 'other', pools: [pool('other', ['198.51.100.1'])] }),
    proxies: [proxyOf('edge-2', second, ['other'])],
  })
  for (let i = 0; i < 20; i++) world.put(service(`s${i}`, { ports: [String(1_000 + i)] }))
  await world.pass()
  for (const one of world.services.values()) {
    world.put({ ...one, metadata: { ...one.metadata, annotations: { 'fairway.dev/class': 'other' } } })
  }
  await world.pass(other)
  await world.pass()
  assert.deepEqual([first.table.frontends.length, second.table.frontends.length], [0, 20])
})
