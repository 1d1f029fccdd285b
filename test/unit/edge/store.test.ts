import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { openFolder } from '../../../src/edge/files.ts'
import { seal } from '../../../src/edge/sealed.ts'
import { type Changes, createStore, type Kept } from '../../../src/edge/store.ts'
import type { StoredTable } from '../../../src/edge/writes.ts'
import { FairwayError } from '../../../src/model/problems.ts'
import { runs } from '../../support/builders.ts'
import { silentLog } from '../../support/operator-world.ts'
import { owner, table, UID } from './builders.ts'
import { createCrashDisk, PowerLoss } from './crash-disk.ts'

const NOW = 1_780_000_000_000

/** A table whose content tells its generation. */
function stored(name: string, generation: number): StoredTable {
  const frontends = Array.from(
    { length: (generation % 3) + 1 },
    (_, index) => `203.0.113.10:${generation * 10 + index}`,
  )
  return {
    owner: owner(name),
    generation,
    uid: UID,
    epoch: 1,
    writtenAt: '2026-08-01T00:00:00Z',
    table: table(frontends),
  }
}

function storing(...tables: readonly StoredTable[]): Changes {
  return { stored: tables, removed: [], order: [`order ${tables.map(({ generation }) => generation).join(' ')}`] }
}

function generations({ tables }: Kept): Readonly<Record<string, number>> {
  return Object.fromEntries(tables.map((one) => [one.owner.cluster, one.generation]))
}

describe('on a disk', () => {
  test('what is committed is there, as it was, for its owner only', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fairway-edge-'))
    try {
      const store = createStore(await openFolder(join(folder, 'state')), silentLog)
      assert.deepEqual(await store.load(), { tables: [], order: [], lost: new Map() })
      const tables = [stored('prod-a/public', 7), stored('prod-b/public', 1)]
      await (await store.prepare(storing(...tables))).commit()
      const names = await readdir(join(folder, 'state'))
      assert.deepEqual(names.toSorted(), ['claims.json', 'prod-a.public.table.json', 'prod-b.public.table.json'])
      assert.equal((await stat(join(folder, 'state', 'prod-a.public.table.json'))).mode & 0o777, 0o600)
      assert.deepEqual(await store.load(), { tables, order: ['order 7 1'], lost: new Map() })
      const removed = await store.prepare({ stored: [], removed: [owner('prod-a/public')], order: undefined })
      await removed.commit()
      assert.deepEqual(generations(await store.load()), { 'prod-b': 1 })
      await (await store.prepare(storing(stored('prod-b/public', 2)))).discard()
      assert.deepEqual(generations(await store.load()), { 'prod-b': 1 })
      assert.match(await readFile(join(folder, 'state', 'prod-b.public.table.json'), 'utf8'), /^\{"version":1,/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('power loss', () => {
  test('at any operation, with any luck, every table is the old or the new one, and a committed one is the new one', async () => {
    const names = ['a/public', 'b/public', 'c/public']
    const change = fc.subarray(names, { minLength: 1 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat(40),
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        async (changes, crashAt, luck) => {
          const disk = createCrashDisk()
          disk.crashAt = crashAt
          const before = new Map<string, number>()
          const after = new Map<string, number>()
          try {
            const store = createStore(disk.files, silentLog, () => NOW)
            await store.load()
            for (const [index, list] of changes.entries()) {
              for (const name of list) after.set(name.slice(0, 1), index + 1)
              const prepared = await store.prepare(storing(...list.map((name) => stored(name, index + 1))))
              await prepared.commit()
              for (const [cluster, generation] of after) before.set(cluster, generation)
            }
          } catch (error) {
            if (!(error instanceof PowerLoss)) throw error
          }
          const found = await createStore(disk.restart((index) => luck[index] ?? false).files, silentLog).load()
          assert.equal(found.lost.size, 0)
          const seen = generations(found)
          for (const name of ['a', 'b', 'c']) {
            assert.ok(seen[name] === before.get(name) || seen[name] === after.get(name), `${name} is at ${seen[name]}`)
          }
          for (const one of found.tables) assert.deepEqual(one, stored(`${one.owner.cluster}/public`, one.generation))
        },
      ),
      runs(500),
    )
  })

  test('a full disk leaves everything as it was', async () => {
    for (let failAt = 0; failAt < 4; failAt++) {
      const disk = createCrashDisk()
      const store = createStore(disk.files, silentLog)
      await (await store.prepare(storing(stored('a/public', 1), stored('b/public', 1)))).commit()
      disk.failAt = disk.operations() + failAt
      const work = store.prepare(storing(stored('a/public', 2), stored('b/public', 2)))
      if (failAt < 3) await assert.rejects(work, /ENOSPC/)
      else await (await work).discard()
      assert.deepEqual(generations(await createStore(disk.restart(() => true).files, silentLog).load()), { a: 1, b: 1 })
    }
  })
})

describe('a file that is not as it was written', () => {
  const good = seal({ ...stored('prod-a/public', 3), owner: 'prod-a/public' })
  const strange = seal({ ...stored('prod-a/public', 3), owner: 'prod-b/public' })
  const twice = seal({
    ...stored('prod-a/public', 3),
    owner: 'prod-a/public',
    table: {
      frontends: [...table(['203.0.113.10:80']).frontends, ...table(['203.0.113.10:80']).frontends],
      groups: [],
    },
  })
  const cases: readonly (readonly [what: string, text: string])[] = [
    ['empty', ''],
    ['cut off', good.slice(0, 300)],
    ['without its last character', good.slice(0, -1)],
    ['with one bit changed', good.replace('203.0.113.10', '203.0.113.11')],
    ['with a head that is no JSON', `x${good}`],
    ['of another owner', strange],
    ['without a group', twice],
    ['of another shape', seal({ owner: 'prod-a/public' })],
  ]
  for (const [what, text] of cases) {
    test(`${what}: it is set aside, its owner is lost, and the others are not`, async () => {
      const disk = createCrashDisk()
      const store = createStore(disk.files, silentLog, () => NOW)
      await (await store.prepare(storing(stored('prod-b/public', 1)))).commit()
      disk.put('prod-a.public.table.json', text)
      const found = await store.load()
      assert.deepEqual(generations(found), { 'prod-b': 1 })
      assert.deepEqual(found.lost, new Map([['prod-a/public', NOW]]))
      const names = await disk.files.names()
      assert.ok(
        names.includes(`prod-a.public.table.json.corrupt-${NOW}`) && !names.includes('prod-a.public.table.json'),
      )
      // Whoever restarts right after still knows.
      const again = await createStore(disk.restart(() => true).files, silentLog, () => NOW + 5).load()
      assert.deepEqual(again.lost, new Map([['prod-a/public', NOW]]))
      await (await store.prepare(storing(stored('prod-a/public', 1)))).commit()
      assert.equal((await store.load()).lost.size, 0)
    })
  }

  test('claims cost their order only', async () => {
    const disk = createCrashDisk()
    const store = createStore(disk.files, silentLog, () => NOW)
    await (await store.prepare(storing(stored('prod-b/public', 1)))).commit()
    disk.put('claims.json', 'x')
    const { order, lost, tables } = await store.load()
    assert.deepEqual([order, lost.size, tables.length], [[], 0, 1])
  })

  test('one of a newer version ends the start, and stays', async () => {
    const disk = createCrashDisk()
    disk.put('prod-a.public.table.json', good.replace('"version":1', '"version":2'))
    const store = createStore(disk.files, silentLog, () => NOW)
    await assert.rejects(store.load(), (error: unknown) => {
      assert.ok(error instanceof FairwayError)
      return error.problem.message.includes('format 2')
    })
    assert.deepEqual(await disk.files.names(), ['prod-a.public.table.json'])
  })
})
