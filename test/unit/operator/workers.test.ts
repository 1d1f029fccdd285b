import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startWorkers, type WorkersOptions } from '../../../src/operator/workers.ts'
import { silentLog } from '../../support/operator-world.ts'

const TIMING = { quietMs: 5, spacingMs: 20, resyncMs: 60_000, retryMs: 5 }

/** Waits until a condition holds; fails after five seconds. */
async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!holds()) {
    assert.ok(performance.now() < deadline, `it never came to: ${what}`)
    await delay(1)
  }
}

function start(pass: WorkersOptions['pass'], keys: readonly string[] = ['public'], timing = TIMING) {
  const [cut, ending] = [new AbortController(), new AbortController()]
  const workers = startWorkers({ keys, pass, timing, log: silentLog }, cut.signal, ending.signal)
  const stop = async () => {
    ending.abort()
    await workers.ended
  }
  return { cut, ending, workers, stop }
}

test('every class gets a first pass without any change; changes close together share one', async () => {
  const passes: string[] = []
  const { workers, stop } = start(
    async (key) => {
      passes.push(key)
      return { unfinished: false }
    },
    ['public', 'private'],
  )
  await until(() => passes.length === 2, 'a pass of each class')
  for (let i = 0; i < 50; i++) workers.changed()
  await until(() => passes.length === 4, 'a pass of each class for the changes')
  await delay(60)
  assert.deepEqual(passes.toSorted(), ['private', 'private', 'public', 'public'])
  await stop()
})

test('passes of one class never overlap, and a change during a pass brings another one', async () => {
  let [passes, running, most] = [0, 0, 0]
  const { workers, stop } = start(async () => {
    most = Math.max(most, ++running)
    if (passes === 0) workers.changed()
    await delay(30)
    running--
    passes++
    return { unfinished: false }
  })
  await until(() => passes === 2, 'the second pass')
  assert.equal(most, 1)
  await stop()
})

test('a class with a slow proxy holds up no other', async () => {
  const passes: string[] = []
  const { workers, stop } = start(
    async (key) => {
      passes.push(key)
      if (key === 'slow') await delay(300)
      return { unfinished: false }
    },
    ['slow', 'quick'],
  )
  await until(() => passes.includes('quick'), 'a pass of the quick class')
  workers.changed()
  await until(() => passes.filter((key) => key === 'quick').length === 2, 'a second one')
  assert.deepEqual(passes.filter((key) => key === 'slow').length, 1)
  await stop()
})

test('a storm of changes neither puts passes off for ever nor lets them run one after another', async () => {
  let passes = 0
  const { workers, stop } = start(async () => ({ unfinished: ++passes < 0 }))
  const started = performance.now()
  const storm = setInterval(() => workers.changed(), 1)
  await until(() => passes >= 5, 'passes under a storm')
  clearInterval(storm)
  const least = 3 * TIMING.spacingMs
  assert.ok(performance.now() - started >= least, 'they came without any space between them')
  await stop()
})

test('a change waits for the pass of another change, and not for one that nobody has asked for', async () => {
  let passes = 0
  const pass = async () => ({ unfinished: ++passes < 0 })
  const { workers, stop } = start(pass, ['public'], { ...TIMING, spacingMs: 60_000 })
  try {
    await until(() => passes === 1, 'the first pass')
    workers.changed()
    await until(() => passes === 2, 'a pass for the change')
    workers.changed()
    await delay(60)
    assert.equal(passes, 2)
  } finally {
    await stop()
  }
})

test('an unfinished or failed pass is tried again without a change', async () => {
  let passes = 0
  const { stop } = start(async () => {
    passes++
    if (passes === 1) throw new Error('a defect')
    return { unfinished: passes < 4 }
  })
  await until(() => passes === 4, 'a finished pass')
  await delay(60)
  assert.equal(passes, 4)
  await stop()
})

test('it ends after the pass in hand; the cut ends that one too', async () => {
  let state = 'idle'
  const { cut, ending, workers } = start(async (_key, signal) => {
    state = 'running'
    await delay(10_000, undefined, { signal })
    return { unfinished: false }
  })
  await until(() => state === 'running', 'a pass under way')
  ending.abort()
  const early = await Promise.race([workers.ended.then(() => 'ended'), delay(30, 'still running')])
  assert.equal(early, 'still running')
  cut.abort()
  await workers.ended
})
