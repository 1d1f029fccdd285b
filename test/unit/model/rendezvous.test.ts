import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashText, pickMembers, SHARDS } from '../../../src/model/rendezvous.ts'

const members = (count: number) =>
  Array.from({ length: count }, (_, index) => `node-${String(index).padStart(4, '0')}`).map((name) => ({
    name,
    hash: hashText(name),
  }))

const names = (picked: readonly { readonly name: string }[]) => picked.map(({ name }) => name)

test('all of them without a limit, or with room for all', () => {
  const all = members(5)
  assert.equal(pickMembers(all, 7, 0), all)
  assert.equal(pickMembers(all, 7, 5), all)
  assert.equal(pickMembers(all, 7, 9), all)
})

test('as many as are wanted, in their order, the same for the same seed', () => {
  const picked = names(pickMembers(members(100), 7, 16))
  assert.equal(picked.length, 16)
  assert.deepEqual(picked, picked.toSorted())
  assert.deepEqual(names(pickMembers(members(100), 7, 16)), picked)
  assert.notDeepEqual(names(pickMembers(members(100), 8, 16)), picked)
})

test('members of one hash are ranked by name', () => {
  const twins = ['a', 'b', 'c'].map((name) => ({ name, hash: 1 }))
  assert.deepEqual(names(pickMembers(twins, 7, 2)), ['a', 'b'])
})

test('over all shards every node has about its share', () => {
  const counts = new Map<string, number>()
  for (let shard = 0; shard < SHARDS; shard++) {
    for (const { name } of pickMembers(members(200), hashText(`shard ${shard}`), 50)) {
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
  }
  const shares = members(200).map(({ name }) => counts.get(name) ?? 0)
  // 16 expected; the standard deviation of 64 draws of one in four is 3.5.
  assert.ok(Math.min(...shares) >= 3 && Math.max(...shares) <= 32, `${Math.min(...shares)} to ${Math.max(...shares)}`)
})

test('names that differ in a digit fall into shards about evenly', () => {
  const shards = Array.from({ length: 6_400 }, (_, index) => hashText(`team-a/web-${index}`) % SHARDS)
  const sizes = [...Map.groupBy(shards, (shard) => shard).values()].map(({ length }) => length)
  // 100 expected; the standard deviation is 10.
  assert.equal(sizes.length, SHARDS)
  assert.ok(Math.min(...sizes) > 50 && Math.max(...sizes) < 150, `${Math.min(...sizes)} to ${Math.max(...sizes)}`)
})

test('a hash is a number of 32 bits, and never changes: the nodes of every group would', () => {
  assert.deepEqual(['', 'node-1', 'team-a/web'].map(hashText), [2_872_998_923, 2_865_264_164, 3_870_500_590])
})
