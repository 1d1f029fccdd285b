import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { Workqueue } from '../../../src/kube/workqueue.ts'
import { FakeClock } from './fake-clock.ts'

// What holds in every order of calls is in test/property/kube-workqueue.test.ts.

const signal = new AbortController().signal
let clock: FakeClock
let queue: Workqueue

beforeEach(() => {
  clock = new FakeClock()
  queue = new Workqueue({ clock, baseMs: 1000, capMs: 5000 })
})

test('keys come in the order in which they were first added', async () => {
  for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key)
  assert.deepEqual([await queue.take(signal), await queue.take(signal), await queue.take(signal)], ['a', 'b', 'c'])
  assert.equal(queue.length, 0)
})

test('a key that changes while it is worked on comes once more, after it is done', async () => {
  queue.add('a')
  await queue.take(signal)
  queue.add('a')
  queue.add('a')
  assert.equal(queue.length, 0)
  queue.done('a')
  assert.equal(queue.length, 1)
  assert.equal(await queue.take(signal), 'a')
  queue.done('a')
  assert.equal(queue.length, 0)
})

test('the earliest delay wins', () => {
  queue.addAfter('a', 500)
  queue.addAfter('a', 100)
  queue.addAfter('a', 300)
  assert.equal(clock.pending, 1)
  clock.advance(100)
  assert.equal(queue.length, 1)
  clock.advance(1000)
  assert.equal(queue.length, 1)
})

test('retries wait longer and longer up to the cap, at least as long as asked, and start over once forgotten', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => queue.retry('a')),
    [1000, 2000, 4000, 5000, 5000],
  )
  assert.equal(queue.failures('a'), 5)
  assert.equal(queue.retry('b', 3000), 3000)
  queue.forget('a')
  assert.equal(queue.retry('a'), 1000)
})

test('a waiting taker gets the next key, an aborted one none', async () => {
  const stop = new AbortController()
  const aborted = assert.rejects(queue.take(stop.signal), /stop/)
  const taken = queue.take(signal)
  stop.abort(new Error('stop'))
  await aborted
  queue.add('a')
  assert.equal(await taken, 'a')
  await assert.rejects(queue.take(stop.signal), /stop/)
})

test('after a shutdown what is queued is given out, nothing is accepted, delays are dropped', async () => {
  queue.add('a')
  queue.addAfter('b', 100)
  assert.equal(await queue.take(signal), 'a')
  queue.add('a')
  queue.shutDown()
  queue.add('c')
  queue.addAfter('d', 1)
  assert.equal(clock.pending, 0)
  queue.done('a')
  assert.equal(await queue.take(signal), 'a')
  queue.done('a')
  assert.equal(await queue.take(signal), undefined)
})
