import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { beforeEach, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { answerError } from '../../../src/kube/errors.ts'
import { Limiter } from '../../../src/kube/limiter.ts'
import { FakeClock } from './fake-clock.ts'

const signal = new AbortController().signal
let clock: FakeClock
let limiter: Limiter

beforeEach(() => {
  clock = new FakeClock()
  limiter = new Limiter({ clock, start: 4, most: 6 })
})

function tooMany(retryAfter?: string): Error {
  return answerError({ verb: 'patch', group: '', resource: 'services/status' }, 429, {}, retryAfter)
}

/** A task that ends when told. */
function held(): {
  readonly task: () => Promise<void>
  readonly started: () => boolean
  readonly end: (error?: Error) => void
} {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let started = false
  const task = (): Promise<void> => {
    started = true
    return promise
  }
  return { task, started: () => started, end: (error) => (error === undefined ? resolve() : reject(error)) }
}

test('no more than the limit run at once, first come first served, and room that is left is used', async () => {
  const tasks = Array.from({ length: 7 }, held)
  const running = tasks.map(({ task }) => limiter.run(task, signal))
  await turn()
  assert.deepEqual(
    tasks.map(({ started }) => started()),
    [true, true, true, true, false, false, false],
  )
  tasks[2]?.end()
  await running[2]
  await turn()
  assert.deepEqual(
    tasks.map(({ started }) => started()),
    [true, true, true, true, true, false, false],
  )
  for (const { end } of tasks) end()
  await Promise.all(running)
  assert.equal(limiter.running, 0)
})

test('success raises the limit, up to the most', async () => {
  for (let count = 0; count < 50; count += 1) await limiter.run(() => Promise.resolve(), signal)
  assert.equal(limiter.limit, 6)
})

test('a burst of 429 halves the limit once, holds all for the time asked, and is run again', async () => {
  let asked = 0
  const task = (): Promise<string> => {
    asked += 1
    return asked <= 4 ? Promise.reject(tooMany('7')) : Promise.resolve('done')
  }
  const running = Array.from({ length: 4 }, () => limiter.run(task, signal))
  await turn()
  assert.deepEqual([asked, limiter.limit], [4, 2])
  clock.advance(6999)
  await turn()
  assert.equal(asked, 4)
  clock.advance(1)
  await turn()
  assert.deepEqual(await Promise.all(running), ['done', 'done', 'done', 'done'])
})

test('after five tries a 429 is thrown, and the limit never falls below one', async () => {
  let asked = 0
  const task = (): Promise<void> => {
    asked += 1
    return Promise.reject(tooMany())
  }
  const refused = assert.rejects(limiter.run(task, signal), { status: 429 })
  for (let count = 0; count < 5; count += 1) {
    await turn()
    clock.advance(1000)
  }
  await refused
  assert.deepEqual([asked, limiter.limit, limiter.running], [5, 1, 0])
})

test('any other failure is thrown at once and leaves its place', async () => {
  await assert.rejects(
    limiter.run(() => Promise.reject(new Error('no')), signal),
    /no/,
  )
  assert.equal(limiter.running, 0)
})

test('an abort ends the waiting of one, not of others', async () => {
  const tasks = Array.from({ length: 4 }, held)
  const running = tasks.map(({ task }) => limiter.run(task, signal))
  const stop = new AbortController()
  const refused = assert.rejects(limiter.run(held().task, stop.signal), /stop/)
  const next = held()
  const waiting = limiter.run(next.task, signal)
  stop.abort(new Error('stop'))
  await refused
  for (const { end } of tasks) end()
  await Promise.all(running)
  next.end()
  await waiting
  assert.equal(limiter.running, 0)
})

test('an abort ends all who wait under it, and however many they are, its signal has one listener, and none afterwards', async () => {
  const stop = new AbortController()
  const listeners = () => getEventListeners(stop.signal, 'abort').length
  const tasks = Array.from({ length: 4 }, held)
  const running = tasks.map(({ task }) => limiter.run(task, stop.signal))
  const refused = Array.from({ length: 50 }, () => assert.rejects(limiter.run(held().task, stop.signal), /stop/))
  assert.equal(listeners(), 1)
  stop.abort(new Error('stop'))
  await Promise.all(refused)
  for (const { end } of tasks) end()
  await Promise.all(running)
  assert.deepEqual([listeners(), limiter.running], [0, 0])
})

test('once nobody waits any more, a signal is left alone', async () => {
  const tasks = Array.from({ length: 6 }, held)
  const calm = new AbortController()
  const running = tasks.map(({ task }) => limiter.run(task, calm.signal))
  assert.equal(getEventListeners(calm.signal, 'abort').length, 1)
  for (const { end } of tasks) end()
  await Promise.all(running)
  assert.equal(getEventListeners(calm.signal, 'abort').length, 0)
})
