import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { takeTurns } from '../../../src/edge/exclusive.ts'
import { createLoop } from '../../../src/edge/loop.ts'
import { createProposals } from '../../../src/edge/proposals.ts'
import { remember } from '../../../src/edge/remember.ts'
import { createMemoryEngine, NOTHING } from '../../support/memory-engine.ts'
import { silentLog } from '../../support/operator-world.ts'
import { owner, UID } from './builders.ts'

const NEVER = 60_000

describe('the loop', () => {
  test('runs one pass at a time, and another one for whatever came meanwhile', async () => {
    const seen: string[] = []
    const loop = createLoop(
      async () => {
        seen.push('begin')
        if (seen.length === 1) {
          loop.kick()
          loop.kick()
        }
        await delay(1)
        seen.push('end')
        return true
      },
      { resyncMs: NEVER, retryMs: NEVER },
      silentLog,
    )
    await loop.runOnce()
    await loop.stop()
    assert.deepEqual(seen, ['begin', 'end', 'begin', 'end'])
  })

  test('comes back soon after a failure, ever later, and by itself when all is well', async () => {
    const at: number[] = []
    const loop = createLoop(
      async () => {
        at.push(performance.now())
        if (at.length === 2) throw new Error('a defect is a failure too')
        return at.length > 3
      },
      { resyncMs: 80, retryMs: 20 },
      silentLog,
    )
    await loop.runOnce()
    while (at.length < 5) await delay(5)
    await loop.stop()
    const pauses = at.slice(1).map((time, index) => time - (at[index] ?? 0))
    for (const [index, least] of [20, 40, 80, 80].entries())
      assert.ok((pauses[index] ?? 0) > least - 2, pauses.join(' '))
    const { length } = at
    await delay(100)
    assert.equal(at.length, length, 'it has stopped')
  })
})

test('calls of an engine wait for one another, whatever becomes of them', async () => {
  const memory = createMemoryEngine()
  memory.during = () => delay(1)
  const engine = takeTurns(memory.engine)
  const signal = AbortSignal.timeout(5_000)
  memory.broken = { code: 'ProxyUnreachable', kind: 'transient', message: 'down', remedy: 'wait' }
  const broken = engine.apply(NOTHING, signal).then(
    () => 'served',
    () => {
      memory.broken = undefined
      return 'failed'
    },
  )
  const others = Promise.all([engine.health(signal), engine.listeners(signal), engine.apply(NOTHING, signal)])
  assert.equal(await broken, 'failed')
  assert.equal((await others)[2].how, 'nothing')
})

test('whoever asks at about the same time shares an answer, but not a failure', async () => {
  let count = 0
  const ask = remember(async () => {
    count++
    if (count === 1) throw new Error('not yet')
    return count
  }, 30)
  await assert.rejects(ask())
  assert.deepEqual(await Promise.all([ask(), ask()]), [2, 2])
  assert.equal(await ask(), 2)
  await delay(40)
  assert.equal(await ask(), 3)
})

test('a stale answer is given at once, and renewed behind whoever asks', async () => {
  const [began, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let count = 0
  const work = async () => {
    count++
    if (count === 1) return 'old'
    began.resolve()
    await gate.promise
    return 'new'
  }
  const ask = remember(work, 0, { forMs: NEVER, behindMs: 1 })
  assert.deepEqual([await ask(), await ask()], ['old', 'old'])
  await began.promise
  assert.equal(await ask(), 'old')
  gate.resolve()
  while ((await ask()) === 'old') await delay(1)
})

test('no more than some hundred writes wait', async () => {
  const proposals = createProposals<string>()
  const write = { owner: owner('prod-a/public'), expected: 0, write: { kind: 'delete', uid: UID, epoch: 1 } } as const
  const outcomes = Array.from({ length: 300 }, () => proposals.submit(write, AbortSignal.timeout(5_000)))
  assert.equal(proposals.take().length, 1)
  proposals.close()
  const codes = await Promise.all(outcomes.slice(1).map(async (one) => JSON.stringify(await one)))
  assert.equal(codes.filter((text) => text.includes('too long')).length, 44)
  assert.equal(codes.filter((text) => text.includes('stopping')).length, 255)
})
