import assert from 'node:assert/strict'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { type FakeRequest, refuse } from '../../support/fake-api-server.ts'
import { eventually } from './fake-clock.ts'
import { isWatch, PATH, ReflectorHarness, service } from './reflector-harness.ts'

let h: ReflectorHarness

beforeEach(async () => {
  h = await ReflectorHarness.create()
})

afterEach(() => h.close())

suite('watches', () => {
  test('a watch that ends is opened again from the last version', async () => {
    await h.synced()
    h.server.put(PATH, service('a'))
    await eventually(() => h.names.length === 1)
    const version = h.server.version
    h.server.endWatches()
    await eventually(() => h.count(isWatch) === 1)
    assert.equal(h.server.requests.at(-1)?.query.get('resourceVersion'), version)
    assert.equal(h.reflector.counters.lists, 1)
  })

  test('bookmarks alone move the version on', async () => {
    await h.synced()
    h.server.put('/api/v1/nodes', { metadata: { name: 'n' } })
    h.server.bookmark()
    const version = h.server.version
    await eventually(() => h.reflector.counters.events === 1)
    h.server.endWatches()
    await eventually(() => h.count(isWatch) === 1)
    assert.equal(h.server.requests.at(-1)?.query.get('resourceVersion'), version)
  })

  for (const how of ['an ERROR event', 'an HTTP status'] as const) {
    test(`410 as ${how} lists anew, swaps at once, and tells two objects of one name apart`, async () => {
      h.server.put(PATH, service('kept'))
      h.server.put(PATH, service('gone'))
      h.server.put(PATH, service('again', 1))
      await h.synced()
      h.changes.length = 0
      if (how === 'an HTTP status') h.server.fault(isWatch, refuse(410, 'Expired'))
      else
        h.server.fault(
          isWatch,
          (_request, response) =>
            void response.end(`${JSON.stringify({ type: 'ERROR', object: { code: 410, reason: 'Expired' } })}\n`),
        )
      h.server.endWatches('cut')
      h.server.remove(PATH, 'ns', 'gone')
      h.server.remove(PATH, 'ns', 'again')
      h.server.put(PATH, service('again', 2))
      await h.through(() => h.changes.length > 0 && h.watching())
      assert.deepEqual(h.changes.toSorted(), ['relist - again/uid-4', 'relist again/uid-3 -', 'relist gone/uid-2 -'])
      assert.deepEqual([h.names, h.portOf('again')], [['again', 'kept'], 2])
    })
  }

  test('429 waits as long as it says, and watches on without a list', async () => {
    await h.synced()
    h.server.fault(isWatch, refuse(429, 'TooManyRequests', { 'retry-after': '7' }))
    h.server.endWatches('cut')
    await eventually(() => h.reflector.state === 'waiting')
    h.clock.advance(60_000)
    await eventually(() => h.reflector.state === 'waiting' && h.count(isWatch) === 1)
    h.clock.advance(6_900)
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(h.count(isWatch), 1)
    h.clock.advance(200)
    await eventually(h.watching)
    assert.equal(h.reflector.counters.lists, 1)
  })

  test('news that the server is back end a wait, but none that the server asked for', async () => {
    await h.synced()
    h.server.fault(isWatch, refuse(429, 'TooManyRequests', { 'retry-after': '7' }))
    h.server.endWatches('cut')
    await eventually(() => h.reflector.state === 'waiting')
    h.comeback.announce()
    await turn()
    h.clock.advance(250)
    await eventually(() => h.reflector.state === 'waiting' && h.count(isWatch) === 1)
    h.comeback.announce()
    h.clock.advance(6_900)
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(h.count(isWatch), 1)
  })

  test('it says so when the server answers it after a failure, and not while all is well', async () => {
    await h.synced()
    let told = false
    const listen = async () => {
      await h.comeback.wait(3_600_000, h.stop.signal)
      told = true
    }
    const other = listen()
    h.server.put(PATH, service('a'))
    await eventually(() => h.names.length === 1)
    h.clock.advance(1_000)
    assert.equal(told, false)
    h.server.endWatches('cut')
    await h.through(h.watching)
    h.clock.advance(250)
    await other
  })

  for (const [name, fault] of [
    ['500', refuse(500, 'InternalError')],
    [
      'a reset connection',
      (_request: FakeRequest, response: { socket: { destroy(): void } | null }) => response.socket?.destroy(),
    ],
    [
      'a close after the headers',
      (_request: FakeRequest, response: { writeHead(code: number): { end(): void } }) => response.writeHead(200).end(),
    ],
    [
      'a line that is no JSON',
      (_request: FakeRequest, response: { end(text: string): void }) => response.end('<html>\n'),
    ],
    [
      'a line cut short',
      (_request: FakeRequest, response: { end(text: string): void }) => response.end('{"type":"ADDED"'),
    ],
  ] as const) {
    test(`${name} backs off and watches on without a list`, async () => {
      await h.synced()
      h.server.fault(isWatch, fault, 3)
      h.server.endWatches('cut')
      h.server.put(PATH, service('meanwhile'))
      await h.through(() => h.count(isWatch) === 4 && h.watching())
      await eventually(() => h.names.length === 1)
      assert.equal(h.reflector.counters.lists, 1)
      assert.equal(h.reflector.lastError, undefined)
      assert.ok(h.log.lines.some((line) => line.startsWith('warn')))
    })
  }

  test('a half-open connection is found by the deadline', async () => {
    await h.synced()
    h.server.fault(isWatch, (_request, response) => {
      response.writeHead(200)
      response.flushHeaders()
    })
    h.server.endWatches('cut')
    h.server.put(PATH, service('meanwhile'))
    await h.through(
      () => h.count(isWatch) === 1 && h.reflector.state === 'watching' && h.reflector.lastError === undefined,
    )
    h.clock.advance(296_000)
    await h.through(h.watching)
    await eventually(() => h.names.length === 1)
  })

  test('characters that a chunk cuts in two survive', async () => {
    h.server.chunkBytes = 1
    await h.synced()
    h.server.put(PATH, {
      ...service('a'),
      metadata: { name: 'a', namespace: 'ns', annotations: { 'fairway.dev/pool': 'Größe 🚢' } },
    })
    await eventually(() => h.names.length === 1)
    assert.equal(h.reflector.store.get('ns', 'a')?.metadata.annotations['fairway.dev/pool'], 'Größe 🚢')
  })

  test('a whole watch without a word lists anew: the server may be behind our version', async () => {
    h.server.put(PATH, service('a'))
    await h.synced()
    h.server.endWatches('cut')
    h.server.rewind(50)
    h.server.put(PATH, service('restored'))
    await h.through(() => h.count(isWatch) === 1 && h.watching())
    h.clock.advance(250_000)
    h.server.endWatches()
    await h.through(() => h.names.includes('restored') && h.watching())
    h.server.put(PATH, service('a', 81))
    await eventually(() => h.portOf('a') === 81)
  })
})
