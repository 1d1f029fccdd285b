import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adoptRemedy, decideAdoption, type Holding, heldByOthers } from '../../../src/model/adoption.ts'

const OWNER = { cluster: 'prod', className: 'public', uid: 'new' }

function held(...uids: readonly string[]): readonly Holding[] {
  return uids.map((uid, index) => ({ uid, frontends: index + 1, writtenAt: undefined }))
}

/** Who holds what, which UID is named, and what becomes of it. */
const CASES: readonly (readonly [holders: readonly string[], from: string, result: string])[] = [
  [[], 'old', 'nothing'],
  [['new'], 'old', 'nothing'],
  [['new'], 'new', 'nothing'],
  [['old'], 'old', 'adopt old'],
  [['new', 'old'], 'old', 'adopt old'],
  [['older', 'old'], 'old', 'adopt old'],
  [['old'], 'older', 'refuse UID old, not by older'],
  // Never by a part of a UID, and never by our own.
  [['old'], 'ol', 'refuse UID old, not by ol'],
  [['old', 'older'], 'new', 'refuse UID old, older, not by new'],
  [['new', 'old'], 'new', 'refuse UID old, not by new'],
]

for (const [holders, from, expected] of CASES) {
  test(`held by ${holders.join(' and ') || 'nobody'}, from ${from}: ${expected}`, () => {
    const result = decideAdoption(held(...holders), OWNER, 'edge-1', from)
    switch (result.kind) {
      case 'nothing':
        return assert.equal(result.kind, expected)
      case 'adopt':
        return assert.equal(`adopt ${result.holding.uid}`, expected)
      case 'refuse': {
        const { code, kind, message, remedy } = result.problem
        assert.deepEqual([code, kind], ['OwnerConflict', 'terminal'])
        const what = 'what is named prod/public on proxy edge-1 is held by the cluster with '
        assert.equal(message, what + expected.replace('refuse ', ''))
        assert.match(remedy, /"fairway adopt --class public --proxy edge-1 --from old"$/)
      }
    }
  })
}

test('the remedy is a command, with the proxy where its name is known', () => {
  assert.match(adoptRemedy(OWNER, 'old', 'edge-1'), /run "fairway adopt --class public --proxy edge-1 --from old"$/)
  assert.match(adoptRemedy(OWNER, 'old'), /run "fairway adopt --class public --from old"$/)
})

test('ours is not held by others', () => {
  assert.deepEqual(
    heldByOthers(held('new', 'old'), OWNER).map(({ uid }) => uid),
    ['old'],
  )
})
