/** Services that bear what a later release has written, after the way back from it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseRecord, recordOf } from '../../../src/desired/record.ts'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import { keepService } from '../../../src/kube/resources.ts'
import { EXTERNAL_ADDRESS_ANNOTATION } from '../../../src/model/names.ts'
import { frontendKey } from '../../../src/model/table.ts'
import { ALL_CAPABILITIES, allocatedCondition, held, pool, service } from '../../support/builders.ts'
import { createWorld, type World } from '../../support/operator-world.ts'
import { NEXT, readFixture, readFixtureJson } from './fixtures.ts'

const WEB = 'tcp/203.0.113.10:443'
const OTHER = 'tcp/203.0.113.10:80'
const OLDER = { creationTimestamp: '2020-01-01T00:00:00Z' }

async function fixture(name: string): Promise<ServiceObject> {
  const kept = keepService(await readFixtureJson(`service/${name}.json`, NEXT))
  assert.ok(kept)
  return kept
}

function start(addresses = ['203.0.113.10-203.0.113.12']): World {
  const world = createWorld({ proxies: [ALL_CAPABILITIES] })
  world.running = { ...world.running, spec: { ...world.running.spec, pools: [pool('main', addresses)] } }
  return world
}

function keysOn(world: World): readonly string[] {
  return world.proxies[0]?.table.frontends.map(frontendKey) ?? []
}

async function lines(name: string): Promise<readonly string[]> {
  return (await readFixture(`service/${name}.txt`, NEXT)).trimEnd().split('\n')
}

test('what a later release says behind a semicolon is left unread', async () => {
  assert.deepEqual((await lines('records')).map(parseRecord), [
    held('443/TCP', '203.0.113.10'),
    held('443/TCP 53/UDP', '2001:db8::1', '203.0.113.10'),
    held('80/TCP 443/TCP=a.example,*.b.example', '203.0.113.10'),
  ])
})

test('and stays there as long as it is true: two releases that take turns write nothing', async () => {
  const world = start()
  world.put(await fixture('extended'))
  assert.deepEqual(recordOf(world.get('team-a/web'))?.addresses, ['203.0.113.10'])
  const { conditions } = world.get('team-a/web').status
  await world.pass()
  assert.deepEqual(world.get('team-a/web').status.conditions, conditions)
  const { spec } = world.get('team-a/web')
  world.put({ ...world.get('team-a/web'), spec: { ...spec, ports: spec.ports.slice(1) } })
  await world.pass()
  const [{ message } = { message: '' }] = world.get('team-a/web').status.conditions
  assert.equal(message, '203.0.113.10 for ports 443/TCP=*.b.example,a.example of class public')
})

describe('a record of another form', () => {
  test('cannot be read', async () => {
    assert.deepEqual((await lines('unreadable')).map(parseRecord), [undefined, undefined, undefined])
  })

  for (const at of [0, 1, 2]) {
    test(`leaves the Service and what it serves as they are, and says so: line ${at + 1}`, async () => {
      const world = start()
      // With another beside it, the guard would let go of it.
      world.put(service('team-a/web'), service('team-a/other', { ports: ['80'] }))
      await world.pass()
      assert.deepEqual(keysOn(world), [WEB, OTHER])
      const unread = allocatedCondition((await lines('unreadable'))[at] ?? '')
      const web = world.get('team-a/web')
      const conditions = web.status.conditions.map((one) => (one.type === unread.type ? unread : one))
      world.put({ ...web, status: { ...web.status, conditions } })
      world.writes.length = 0
      await world.pass()
      await world.pass()
      assert.deepEqual([keysOn(world), world.writes], [[WEB, OTHER], []])
      assert.match(world.told.at(-1) ?? '', /team-a\/web Warning RecordUnreadable: .* it stays as it is/)
    })
  }

  test('keeps its address from everybody else, and those who were there stay', async () => {
    const world = start(['203.0.113.10'])
    world.put(await fixture('unreadable'))
    const there = held('8080/TCP', '203.0.113.10')
    world.put(service('team-b/there', { ports: ['8080'], record: there }), service('team-b/new', { meta: OLDER }))
    await world.pass()
    assert.deepEqual(recordOf(world.get('team-b/there')), there)
    assert.equal(recordOf(world.get('team-b/new')), undefined)
    assert.deepEqual(keysOn(world), ['tcp/203.0.113.10:8080'])
  })

  test('keeps no address that only an annotation names, which its owner may write', async () => {
    const world = start(['203.0.113.10-203.0.113.11'])
    const unreadable = await fixture('unreadable')
    const { metadata } = unreadable
    const annotations = { ...metadata.annotations, [EXTERNAL_ADDRESS_ANNOTATION]: '203.0.113.10,203.0.113.11' }
    world.put({ ...unreadable, metadata: { ...metadata, annotations } }, service('team-b/new'))
    await world.pass()
    assert.deepEqual(recordOf(world.get('team-b/new'))?.addresses, ['203.0.113.11'])
  })

  test('does not keep what a Service has wished away at the same address', async () => {
    const world = start(['203.0.113.10'])
    world.put(service('team-b/there', { ports: ['8080'] }))
    await world.pass()
    world.put(await fixture('unreadable'))
    const there = world.get('team-b/there')
    world.put({ ...there, metadata: { ...there.metadata, deletionTimestamp: '2026-01-02T00:00:00Z' } })
    await world.pass()
    assert.deepEqual(keysOn(world), [])
  })

  test('does not keep its Service from being deleted', async () => {
    for (const finalizer of ['fairway.dev/cleanup', 'service.kubernetes.io/load-balancer-cleanup']) {
      const world = start()
      const web = await fixture('unreadable')
      const metadata = { ...web.metadata, finalizers: [finalizer], deletionTimestamp: '2026-01-02T00:00:00Z' }
      world.put({ ...web, metadata })
      await world.pass()
      assert.deepEqual([...world.services.keys()], [])
    }
  })
})
