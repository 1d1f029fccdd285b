import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import type { Write } from '../../../src/edge/writes.ts'
import { OTHER_UID, owner, table, UID } from './builders.ts'
import { startWorld, stopWorlds, tell } from './edge-world.ts'

afterEach(stopWorlds)

const WEB = table(['203.0.113.10:443'])
const MAIL = table(['203.0.113.10:25'])
const signal = () => AbortSignal.timeout(10_000)
const remove = (uid: string): Write => ({ kind: 'delete', uid, epoch: 1 })

describe('a write', () => {
  test('that is acknowledged is served and on the disk', async () => {
    const world = await startWorld()
    assert.equal(tell(await world.put('prod-a/public', WEB)), '1')
    assert.deepEqual(world.served(), ['prod-a.public.tcp.203.0.113.10.443'])
    const again = await startWorld({ disk: world.disk.restart(() => false) })
    assert.deepEqual(again.served(), ['prod-a.public.tcp.203.0.113.10.443'])
    assert.equal(again.referee.look('prod-a/public')?.stored.generation, 1)
  })

  test('needs the generation, the cluster and an epoch that is not over', async () => {
    const world = await startWorld()
    await world.put('prod-a/public', WEB, { epoch: 5 })
    assert.equal(tell(await world.put('prod-a/public', MAIL, { expected: 0, epoch: 5 })), 'RevisionConflict')
    assert.equal(tell(await world.put('prod-a/public', MAIL, { expected: 7, epoch: 5 })), 'RevisionConflict')
    assert.equal(tell(await world.put('prod-a/public', MAIL, { uid: OTHER_UID, epoch: 9 })), 'OwnerConflict')
    assert.equal(tell(await world.put('prod-a/public', MAIL, { epoch: 4 })), 'StaleWriter')
    assert.equal(tell(await world.put('prod-a/public', MAIL, { epoch: 6 })), '2')
    // Without a Lease there are no epochs, and what was written in one stays the highest.
    assert.equal(tell(await world.put('prod-a/public', WEB, { epoch: 0 })), '3')
    assert.equal(tell(await world.put('prod-a/public', WEB, { epoch: 5 })), 'StaleWriter')
  })

  test('removes a table, after which another cluster may have the name', async () => {
    const world = await startWorld()
    await world.put('prod-a/public', WEB)
    assert.equal(
      tell(await world.referee.submit(owner('prod-a/public'), 1, remove(OTHER_UID), signal())),
      'OwnerConflict',
    )
    assert.equal(tell(await world.referee.submit(owner('prod-a/public'), 1, remove(UID), signal())), 'removed')
    assert.deepEqual(world.served(), [])
    assert.equal(tell(await world.referee.submit(owner('prod-a/public'), 0, remove(UID), signal())), 'NotFound')
    assert.equal(tell(await world.put('prod-a/public', MAIL, { uid: OTHER_UID, epoch: 0 })), '1')
  })

  test('of the same table again changes nothing on the program', async () => {
    const world = await startWorld()
    await world.put('prod-a/public', WEB)
    await world.put('prod-a/public', WEB)
    assert.deepEqual(world.passes.slice(1), ['reload', 'nothing'])
  })

  test('that waits too long is withdrawn', async () => {
    const world = await startWorld()
    const { promise, resolve } = Promise.withResolvers<void>()
    world.memory.during = () => promise
    const first = world.put('prod-a/public', WEB)
    const late = new AbortController()
    await new Promise((done) => setTimeout(done, 5))
    const second = world.referee.submit(
      owner('prod-b/public'),
      0,
      { kind: 'put', uid: UID, epoch: 1, table: MAIL },
      late.signal,
    )
    late.abort()
    assert.equal(tell(await second), 'Busy')
    resolve()
    assert.equal(tell(await first), '1')
    assert.equal(world.referee.tables.size, 1)
  })

  test('that comes when the edge stops is refused, and the one in hand is not', async () => {
    const world = await startWorld()
    const { promise, resolve } = Promise.withResolvers<void>()
    world.memory.during = () => promise
    const inHand = world.put('prod-a/public', WEB)
    await new Promise((done) => setTimeout(done, 5))
    const waiting = world.put('prod-b/public', MAIL)
    const stopped = world.referee.stop()
    assert.equal(tell(await waiting), 'Busy')
    assert.equal(tell(await world.put('prod-c/public', MAIL)), 'Busy')
    resolve()
    assert.equal(tell(await inHand), '1')
    await stopped
  })
})

describe('several owners', () => {
  test('who write at once share a pass; two writes of one owner do not', async () => {
    const world = await startWorld()
    const { promise, resolve } = Promise.withResolvers<void>()
    world.memory.during = () => promise
    const first = world.put('prod-a/public', WEB)
    await new Promise((done) => setTimeout(done, 5))
    const others = ['b', 'c', 'd'].map((name, index) =>
      world.put(`prod-${name}/public`, table([`203.0.113.1${index + 1}:80`])),
    )
    const second = world.put('prod-a/public', MAIL, { expected: 1 })
    const third = world.put('prod-a/public', WEB, { expected: 1 })
    resolve()
    assert.deepEqual((await Promise.all([first, ...others, second, third])).map(tell), [
      '1',
      '1',
      '1',
      '1',
      '2',
      'RevisionConflict',
    ])
    assert.deepEqual(world.passes, ['nothing', 'reload', 'reload'])
  })

  test('see each other by name only where they want the same', async () => {
    const world = await startWorld()
    await world.put('prod-a/public', WEB)
    assert.equal(
      tell(await world.put('prod-b/public', table(['203.0.113.10:443', '203.0.113.10:25']))),
      '1 tcp/203.0.113.10:443 PortTaken',
    )
    const view = world.referee.look('prod-a/public')
    assert.deepEqual(view?.refused, [])
    assert.equal(view?.notices[0]?.problem.message, 'tcp/203.0.113.10:443 is asked for by prod-b/public too')
    const restarted = await startWorld({ disk: world.disk.restart(() => false), memory: world.memory })
    assert.deepEqual(restarted.served(), ['prod-a.public.tcp.203.0.113.10.443', 'prod-b.public.tcp.203.0.113.10.25'])
  })

  test('who held a socket first still does after a restart, whatever their names', async () => {
    const world = await startWorld()
    await world.put('prod-b/public', WEB)
    await world.put('prod-a/public', WEB)
    const restarted = await startWorld({ disk: world.disk.restart(() => false) })
    assert.deepEqual(restarted.served(), ['prod-b.public.tcp.203.0.113.10.443'])
  })
})
