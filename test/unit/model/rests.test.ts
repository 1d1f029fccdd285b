import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRests } from '../../../src/model/rests.ts'

test('what a program did not load rests, longer each time', () => {
  let now = 0
  const failed = createRests(1_000, () => now)
  const problem = { code: 'ProxyRejected', kind: 'transient', message: 'no', remedy: 'Look' } as const
  const restOf = (shape: string) => {
    failed.add(shape, problem)
    const began = now
    while (failed.find(shape) !== undefined) now += 500
    return now - began
  }
  assert.deepEqual([restOf('a'), restOf('a'), restOf('a'), restOf('b')], [1_000, 2_000, 4_000, 1_000])
  assert.equal(failed.find('c'), undefined)
  failed.clear()
  assert.equal(restOf('a'), 1_000)
})
