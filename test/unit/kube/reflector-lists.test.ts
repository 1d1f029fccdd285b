import assert from 'node:assert/strict'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { refuse } from '../../support/fake-api-server.ts'
import { eventually } from './fake-clock.ts'
import { isList, isStream, isWatch, PATH, ReflectorHarness, service } from './reflector-harness.ts'

let h: ReflectorHarness

beforeEach(async () => {
  h = await ReflectorHarness.create()
})

afterEach(() => h.close())

function hang(): void {
  // No answer.
}

suite('lists', () => {
  test('a streaming list fills the store at once and goes on as a watch', async () => {
    h.server.put(PATH, service('b'))
    h.server.put(PATH, service('a'))
    await h.synced()
    assert.deepEqual(h.names, ['a', 'b'])
    assert.deepEqual(h.changes, ['relist - b/uid-1', 'relist - a/uid-2', 'relist - -'])
    h.server.put(PATH, service('c'))
    await eventually(() => h.names.length === 3)
    assert.equal(h.server.requests.length, 1)
    assert.equal(h.server.requests[0]?.query.get('resourceVersionMatch'), 'NotOlderThan')
    assert.equal(h.server.requests[0].query.get('allowWatchBookmarks'), 'true')
  })

  test('an empty collection syncs, and says so', async () => {
    await h.synced()
    assert.equal(h.reflector.store.synced, true)
    assert.deepEqual(h.changes, ['relist - -'])
  })

  test('a server without streaming lists is read in pages, then watched from there', async () => {
    h.server.streamingLists = false
    for (const name of ['a', 'b', 'c', 'd', 'e']) h.server.put(PATH, service(name))
    await h.synced()
    assert.deepEqual(h.names, ['a', 'b', 'c', 'd', 'e'])
    assert.equal(h.count(isList), 3)
    assert.equal(h.server.requests.at(-1)?.query.get('resourceVersion'), h.server.version)
    assert.equal(h.reflector.lastError, undefined)
  })

  test('nothing is in the store before the last page', async () => {
    h.server.streamingLists = false
    for (const name of ['a', 'b', 'c']) h.server.put(PATH, service(name))
    h.server.fault((request) => request.query.has('continue'), refuse(500))
    h.start()
    await eventually(() => h.reflector.state === 'waiting')
    assert.deepEqual([h.names, h.reflector.store.synced], [[], false])
    await h.through(h.watching)
    assert.deepEqual(h.names, ['a', 'b', 'c'])
  })

  test('a continue token that has expired begins the list anew', async () => {
    h.server.streamingLists = false
    for (const name of ['a', 'b', 'c']) h.server.put(PATH, service(name))
    h.server.fault((request) => request.query.has('continue'), refuse(410, 'Expired'))
    h.start()
    await h.through(h.watching)
    assert.deepEqual(h.names, ['a', 'b', 'c'])
  })

  test('a streaming list that breaks off, or meets a 5xx, is tried as a plain list', async () => {
    h.server.put(PATH, service('a'))
    h.server.fault(isStream, (_request, response) => void response.writeHead(200).end())
    h.start()
    await h.through(h.watching)
    assert.equal(h.count(isList), 1)
    assert.deepEqual(h.names, ['a'])
  })

  test('a streaming list that falls silent is given up', async () => {
    h.server.put(PATH, service('a'))
    h.server.fault(isStream, (_request, response) => {
      response.writeHead(200)
      response.flushHeaders()
    })
    h.start()
    await eventually(() => h.reflector.counters.watches === 1 && h.clock.pending >= 2)
    h.clock.advance(31_000)
    await h.through(h.watching)
    assert.deepEqual(h.names, ['a'])
  })
})

suite('troubles', () => {
  test('401 and 403 leave the store as it is, and are there to be read', async () => {
    h.server.put(PATH, service('a'))
    await h.synced()
    h.server.fault(isWatch, refuse(403, 'Forbidden'), 2)
    h.server.endWatches('cut')
    await h.through(() => h.reflector.lastError?.problem.code === 'ApiForbidden')
    assert.match(h.reflector.lastError?.problem.remedy ?? '', /resources: \["services"\], verbs: \["watch"\]/)
    assert.deepEqual([h.names, h.reflector.store.synced], [['a'], true])
    await h.through(h.watching)
    assert.equal(h.reflector.lastError, undefined)
    assert.equal(h.reflector.counters.lists, 1)
  })

  test('one failure over and over is told once', async () => {
    h.server.fault(isStream, refuse(403, 'Forbidden'), 5)
    h.start()
    await h.through(h.watching)
    assert.equal(h.log.lines.filter((line) => line.startsWith('warn')).length, 1)
  })

  test('a listener that throws ends nothing', async () => {
    h.reflector.store.onChange(() => {
      throw new Error('listener')
    })
    h.server.put(PATH, service('a'))
    await h.synced()
    h.server.put(PATH, service('b'))
    await eventually(() => h.names.length === 2)
    assert.ok(h.log.lines.includes('error: a cache listener threw'))
    assert.equal(h.reflector.counters.failures, 0)
  })

  test('an object that cannot be read is passed over, and what is cached of it stays', async () => {
    h.server.put(PATH, service('a', 1))
    await h.synced()
    h.server.put(PATH, { ...service('a'), spec: { ports: 5 } })
    h.server.put(PATH, service('b'))
    await eventually(() => h.names.length === 2)
    assert.deepEqual([h.portOf('a'), h.reflector.counters.failures], [1, 0])
    assert.ok(h.log.lines.some((line) => line.startsWith('error: an object cannot be read')))
  })

  test('a new list takes nothing away because it cannot be read', async () => {
    h.server.put(PATH, service('a', 1))
    h.server.put(PATH, service('b', 1))
    await h.synced()
    await h.halt()
    h.server.put(PATH, { ...service('a'), spec: { ports: 5 } })
    for (const streaming of [true, false]) {
      h.server.streamingLists = streaming
      const again = new AbortController()
      const lists = h.reflector.counters.lists
      const run = h.reflector.run(again.signal)
      await eventually(
        () => h.reflector.counters.lists > lists + (streaming ? 0 : 1) && h.reflector.state === 'watching',
      )
      again.abort()
      await run
      assert.deepEqual([h.names, h.portOf('a')], [['a', 'b'], 1])
    }
  })

  for (const state of ['streaming', 'listing', 'watching', 'waiting'] as const) {
    test(`it stops while ${state}, and asks nothing any more`, async () => {
      if (state === 'streaming') h.server.fault(isStream, hang)
      if (state === 'listing') {
        h.server.streamingLists = false
        h.server.fault(isList, hang)
      }
      if (state === 'waiting') h.server.fault(isStream, refuse(503))
      h.start()
      await eventually(() => h.reflector.state === state && h.server.requests.length > (state === 'listing' ? 1 : 0))
      h.stop.abort()
      await h.halt()
      const asked = h.server.requests.length
      h.clock.advance(600_000)
      await new Promise((resolve) => setTimeout(resolve, 10))
      assert.deepEqual([h.reflector.state, h.server.requests.length, h.clock.pending], ['stopped', asked, 0])
    })
  }
})
