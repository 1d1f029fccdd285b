import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createConfirmations } from '../../../src/operator/confirmations.ts'

test('a word holds for ten minutes from when it was said last', () => {
  let nowMs = 1_000_000
  const confirmations = createConfirmations(() => nowMs)
  const after = (minutes: number) => {
    nowMs += minutes * 60_000
    return [...confirmations.words()]
  }
  confirmations.say(['a', 'b'])
  assert.deepEqual(after(6), ['a', 'b'])
  confirmations.say(['a'])
  assert.deepEqual(after(6), ['a'])
  assert.deepEqual(after(6), [])
})
