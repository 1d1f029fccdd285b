import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createComeback } from '../../../src/kube/comeback.ts'
import { FakeClock } from './fake-clock.ts'

/** A wait whose end can be asked for. */
function watch(wait: Promise<void>): { readonly outcome: () => Promise<string> } {
  let outcome = 'waits'
  wait.then(
    () => (outcome = 'over'),
    (error: unknown) => (outcome = String(error)),
  )
  return { outcome: async () => (await turn(), outcome) }
}

test('without news a wait takes its time', async () => {
  const clock = new FakeClock()
  const { outcome } = watch(createComeback(clock).wait(1_000, new AbortController().signal))
  clock.advance(999)
  assert.equal(await outcome(), 'waits')
  clock.advance(1)
  assert.equal(await outcome(), 'over')
})

test('an answer to one ends the waits of the others, a little apart', async () => {
  const clock = new FakeClock()
  const comeback = createComeback(clock)
  const waits = [30_000, 20_000].map((delayMs) => watch(comeback.wait(delayMs, new AbortController().signal)))
  comeback.announce()
  assert.deepEqual(await Promise.all(waits.map(({ outcome }) => outcome())), ['waits', 'waits'])
  clock.advance(250)
  assert.deepEqual(await Promise.all(waits.map(({ outcome }) => outcome())), ['over', 'over'])
  assert.equal(clock.pending, 0)
})

test('who waits a moment only is not kept longer by the news', async () => {
  const clock = new FakeClock()
  const comeback = createComeback(clock)
  const { outcome } = watch(comeback.wait(10, new AbortController().signal))
  comeback.announce()
  await turn()
  clock.advance(10)
  assert.equal(await outcome(), 'over')
})

test('news of before are none', async () => {
  const clock = new FakeClock()
  const comeback = createComeback(clock)
  comeback.announce()
  const { outcome } = watch(comeback.wait(1_000, new AbortController().signal))
  clock.advance(500)
  assert.equal(await outcome(), 'waits')
})

test('a server that comes and goes does not have them ask without end', async () => {
  const clock = new FakeClock()
  const comeback = createComeback(clock)
  comeback.announce()
  const { outcome } = watch(comeback.wait(30_000, new AbortController().signal))
  clock.advance(4_000)
  comeback.announce()
  await turn()
  clock.advance(250)
  assert.equal(await outcome(), 'waits')
  clock.advance(1_000)
  comeback.announce()
  await turn()
  clock.advance(250)
  assert.equal(await outcome(), 'over')
})

test('a signal ends it, before and while', async () => {
  const clock = new FakeClock()
  const comeback = createComeback(clock)
  const stop = new AbortController()
  const { outcome } = watch(comeback.wait(1_000, stop.signal))
  stop.abort(new Error('stop'))
  assert.equal(await outcome(), 'Error: stop')
  assert.equal(await watch(comeback.wait(1_000, stop.signal)).outcome(), 'Error: stop')
  assert.equal(clock.pending, 0)
})
