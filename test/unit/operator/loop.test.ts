import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startLoop } from '../../../src/operator/loop.ts'
import { silentLog } from '../../support/operator-world.ts'

const QUICK = { quietMs: 5, patienceMs: 40, resyncMs: 60_000, retryMs: { first: 10, most: 40 }, log: silentLog }

/** Waits until a condition holds; fails after five seconds. */
async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!holds()) {
    assert.ok(performance.now() < deadline, `it never came to: ${what}`)
    await delay(1)
  }
}

test('changes close together share a pass, and passes never overlap', async () => {
  const ending = new AbortController()
  let [passes, running, most] = [0, 0, 0]
  const pass = async () => {
    most = Math.max(most, ++running)
    await delay(10)
    running--
    passes++
    return { unfinished: false }
  }
  const loop = startLoop({ ...QUICK, pass }, new AbortController().signal, ending.signal)
  await until(() => passes === 1, 'a first pass without any change')
  for (let i = 0; i < 50; i++) loop.markDirty()
  await until(() => passes === 2, 'a pass for the changes')
  await delay(50)
  assert.deepEqual([passes, most], [2, 1])
  ending.abort()
  await loop.ended
})

test('a storm of changes does not put a pass off for ever', async () => {
  const ending = new AbortController()
  let passes = 0
  const loop = startLoop(
    { ...QUICK, pass: async () => ({ unfinished: ++passes < 0 }) },
    new AbortController().signal,
    ending.signal,
  )
  const storm = setInterval(() => loop.markDirty(), 1)
  await until(() => passes >= 3, 'passes under a storm')
  clearInterval(storm)
  ending.abort()
  await loop.ended
})

test('a change during a pass brings another one', async () => {
  const ending = new AbortController()
  let passes = 0
  const pass = async () => {
    passes++
    if (passes === 1) loop.markDirty()
    await delay(5)
    return { unfinished: false }
  }
  const loop = startLoop({ ...QUICK, pass }, new AbortController().signal, ending.signal)
  await until(() => passes === 2, 'the second pass')
  ending.abort()
  await loop.ended
})

test('an unfinished or failed pass is tried again, without a change', async () => {
  const ending = new AbortController()
  let passes = 0
  const pass = async () => {
    passes++
    if (passes === 1) throw new Error('a defect')
    return { unfinished: passes < 4 }
  }
  const loop = startLoop({ ...QUICK, pass }, new AbortController().signal, ending.signal)
  await until(() => passes === 4, 'a finished pass')
  await delay(100)
  assert.equal(passes, 4)
  ending.abort()
  await loop.ended
})

test('it ends after the pass in hand; the cut ends that one too', async () => {
  const [cut, ending] = [new AbortController(), new AbortController()]
  let state = 'idle'
  const pass = async (signal: AbortSignal) => {
    state = 'running'
    await delay(10_000, undefined, { signal })
    return { unfinished: false }
  }
  const loop = startLoop({ ...QUICK, pass }, cut.signal, ending.signal)
  await until(() => state === 'running', 'a pass under way')
  ending.abort()
  const early = await Promise.race([loop.ended.then(() => 'ended'), delay(30, 'still running')])
  assert.equal(early, 'still running')
  cut.abort()
  await loop.ended
})
