// What Services and the log are told about what proxies can do and say.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FixedFrontend } from '../../../src/desired/spec.ts'
import { frontendKey } from '../../../src/model/table.ts'
import { ALL_CAPABILITIES, classSpec, service } from '../../support/builders.ts'
import { createWorld, type World } from '../../support/operator-world.ts'

const APISERVER: FixedFrontend = {
  name: 'kube-apiserver',
  addresses: ['203.0.113.10'],
  port: 6_443,
  protocol: 'TCP',
  targetPort: 6_443,
  targets: { kind: 'addresses', addresses: ['10.0.0.1'] },
  sourceRanges: [],
  settings: {},
}

function served(world: World): readonly string[] {
  return world.proxies[0]?.table.frontends.map(frontendKey) ?? []
}

function condition(world: World, name: string, type: string) {
  return world.get(name).status.conditions.find((one) => one.type === `fairway.dev/${type}`)
}

function hosts(names: string) {
  return { annotations: { hosts: names } }
}

describe('hosts', () => {
  test('tell Services on one socket apart, and are recorded', async () => {
    const world = createWorld({ proxies: [ALL_CAPABILITIES] })
    world.put(service('a', hosts('a.example')), service('b', hosts('b.example')), service('rest'))
    await world.pass()
    assert.deepEqual(served(world), [
      'tcp/203.0.113.10:443',
      'tcp/203.0.113.10:443#a.example',
      'tcp/203.0.113.10:443#b.example',
    ])
    assert.equal(
      condition(world, 'default/a', 'Allocated')?.message,
      '203.0.113.10 for ports 443/TCP=a.example of class public',
    )
    assert.ok(['a', 'b', 'rest'].every((name) => condition(world, `default/${name}`, 'Programmed')?.status === 'True'))
    const [writes] = [world.writes.length]
    await world.pass()
    assert.deepEqual([world.writes.length, world.proxies[0]?.writes], [writes, 1])
  })

  test('change by the dozen, though the proxy was away when that was written down', async () => {
    const world = createWorld({ proxies: [ALL_CAPABILITIES] })
    const [proxy] = world.proxies
    assert.ok(proxy)
    for (let i = 0; i < 20; i++) world.put(service(`s${i}`, hosts(`s${i}.example`)))
    await world.pass()
    proxy.broken = { code: 'ProxyUnreachable', kind: 'transient', message: 'away', remedy: 'Start it' }
    for (const one of world.services.values()) {
      const annotations = { 'fairway.dev/hosts': `new-${one.metadata.name}.example` }
      world.put({ ...one, metadata: { ...one.metadata, annotations } })
    }
    await world.pass()
    await world.pass()
    proxy.broken = undefined
    await world.pass()
    assert.deepEqual([served(world).length, served(world).every((key) => key.includes('#new-s'))], [20, true])
  })

  test('are refused where the proxy cannot tell them; the Service without any is served', async () => {
    const world = createWorld()
    world.put(service('a', hosts('a.example')), service('rest'))
    await world.pass()
    assert.deepEqual(served(world), ['tcp/203.0.113.10:443'])
    assert.equal(condition(world, 'default/a', 'Programmed')?.reason, 'Unsupported')
    assert.equal(condition(world, 'default/rest', 'Programmed')?.status, 'True')
    assert.match(world.told.join('\n'), /default\/a Warning Unsupported: .*hosts \(SNI\) on port 443\/TCP/)
  })
})

test('a Service that asks for more than the proxy can do goes on as it was, and is told', async () => {
  const world = createWorld()
  world.put(service('web'))
  await world.pass()
  const before = world.get('default/web')
  const annotations = { 'fairway.dev/balance': 'least-connections' }
  world.put({ ...before, metadata: { ...before.metadata, annotations } })
  await world.pass()
  const [frontend] = world.proxies[0]?.table.frontends ?? []
  assert.deepEqual([frontend?.balance, world.proxies[0]?.writes], ['round-robin', 1])
  assert.equal(condition(world, 'default/web', 'Programmed')?.reason, 'Unsupported')
})

test('what another owner asks for is told to the Service that has it, which is served all the same', async () => {
  const world = createWorld()
  const [proxy] = world.proxies
  assert.ok(proxy)
  const claimed = {
    code: 'PortTaken',
    kind: 'terminal',
    message: 'prod-b/public asks for the same',
    remedy: 'Choose',
  } as const
  proxy.notices = [{ key: 'tcp/203.0.113.10:443', problem: claimed }]
  world.put(service('web'), service('mail', { ports: ['25'] }))
  await world.pass()
  const programmed = condition(world, 'default/web', 'Programmed')
  assert.deepEqual(
    [programmed?.status, programmed?.reason, programmed?.message],
    ['True', 'Served', 'Served by 1 of 1 proxies: edge-1. prod-b/public asks for the same. Choose'],
  )
  assert.ok(world.told.includes('default/web Warning PortTaken: prod-b/public asks for the same. Choose'))
  assert.doesNotMatch(condition(world, 'default/mail', 'Programmed')?.message ?? '', /prod-b/)
  const told = world.told.length
  await world.pass()
  assert.equal(world.told.length, told)
})

function worldWith(...fixed: readonly FixedFrontend[]): World {
  return createWorld({ running: { spec: classSpec({ fixed }) } })
}

describe('frontends of the configuration', () => {
  test('need no Service, and no Service gets their socket', async () => {
    const world = worldWith(APISERVER)
    world.put(service('web', { ports: ['6443'], annotations: { address: '203.0.113.10' } }))
    await world.pass()
    assert.deepEqual(served(world), ['tcp/203.0.113.10:6443'])
    assert.match(world.told.join(), /default\/web Warning PortTaken/)
  })

  test('what a proxy says about them is logged when it is new', async () => {
    const world = worldWith(APISERVER, { ...APISERVER, name: 'other', port: 6_444, settings: { hosts: 'a.example' } })
    await world.pass()
    await world.pass()
    assert.deepEqual(world.logged, [
      'warn: tcp/203.0.113.10:6444#a.example of the configuration on proxy edge-1: The configuration asks for hosts (SNI) on port 6444/TCP, which proxy edge-1 cannot do. Remove settings.hosts',
    ])
    const [proxy] = world.proxies
    assert.ok(proxy)
    const problem = { code: 'PortTaken', kind: 'terminal', message: 'kube-vip has it', remedy: 'Move one' } as const
    proxy.notices = [{ key: 'tcp/203.0.113.10:6443', problem }]
    await world.pass()
    await world.pass()
    assert.deepEqual(world.logged.slice(1), [
      'warn: tcp/203.0.113.10:6443 of the configuration on proxy edge-1: kube-vip has it. Move one',
    ])
  })

  test('what is wrong with them before any proxy is asked is logged, too', async () => {
    const world = worldWith({ ...APISERVER, targets: { kind: 'nodes', selector: 'no=such' } })
    await world.pass()
    await world.pass()
    assert.equal(world.logged.length, 1)
    assert.match(world.logged[0] ?? '', /warn: Frontend "kube-apiserver" of the configuration has no usable node/)
  })
})
