import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Plan } from '../../src/model/driver.ts'
import { type Frontend, frontendKey, makeTable, type Table } from '../../src/model/table.ts'
import { diffTables } from '../../src/plan/diff.ts'
import { guardRemovals } from '../../src/plan/guard.ts'
import { holdServed } from '../../src/plan/hold.ts'
import { frontend, observed, runs } from '../support/builders.ts'

const wishes = fc.record({
  address: fc.constantFrom('203.0.113.10', '2001:db8::1'),
  port: fc.constantFrom(80, 443, 53, 25),
  protocol: fc.constantFrom('TCP' as const, 'UDP' as const),
  group: fc.constantFrom('a', 'b'),
  targetPort: fc.constantFrom(30_080, 30_443),
  balance: fc.constantFrom('round-robin' as const, 'source' as const),
  sourceRanges: fc.constantFrom([], ['10.0.0.0/8'], ['10.0.0.0/8', '192.0.2.0/24']),
})
const frontends = fc.uniqueArray(
  wishes.map((one) => frontend(one)),
  { selector: frontendKey, maxLength: 12 },
)
const targets = fc
  .subarray(['10.0.0.1', '10.0.0.2', '10.0.0.3'])
  .map((addresses) => addresses.map((address) => ({ name: `n${address}`, address })))

const table: fc.Arbitrary<Table> = fc.record({ frontends, a: targets, b: targets }).map(({ frontends: all, a, b }) =>
  makeTable(all, [
    { id: 'a', targets: a },
    { id: 'b', targets: b },
  ]),
)
const seen = fc
  .record({ table, drift: fc.subarray([0, 1, 2, 3, 4, 5]) })
  .map(({ table: had, drift }) =>
    observed(had, had.frontends.filter((_, index) => drift.includes(index)).map(frontendKey)),
  )

/** A frontend with its targets spelt out, as a proxy has it that knows no groups. */
function spellOut(one: Frontend, of: Table): string {
  const { group, targetPort, service: _, ...settings } = one
  const led = of.groups
    .find(({ id }) => id === group)
    ?.targets.map((target) => `${target.address}:${target.port ?? targetPort}`)
  return JSON.stringify({ ...settings, led })
}

const spelt = (of: Table) => new Map(of.frontends.map((one) => [frontendKey(one), spellOut(one, of)]))

/** A proxy that takes changes one by one. Fails on one that adds what is there, or touches what is not. */
function applyOneByOne({ observed: before, table: after, changes }: Plan): ReadonlyMap<string, string> {
  const has = spelt(before.table)
  for (const change of changes) {
    assert.equal(has.has(change.key), change.kind !== 'add', `${change.kind} ${change.key}`)
    if (change.kind === 'remove') has.delete(change.key)
    else has.set(change.key, spellOut(change.after, after))
  }
  return has
}

const byKey = (map: ReadonlyMap<string, string>) => Object.fromEntries(map)

test('the changes applied one by one give the table, and a second plan is empty', () => {
  fc.assert(
    fc.property(seen, table, (had, wanted) => {
      const plan = diffTables(had, wanted)
      assert.deepEqual(byKey(applyOneByOne(plan)), byKey(spelt(wanted)))
      assert.deepEqual(diffTables(observed(plan.table), wanted).changes, [])
    }),
    runs(300),
  )
})

test('the changes are as few as can be', () => {
  fc.assert(
    fc.property(seen, table, (had, wanted) => {
      const [before, after] = [spelt(had.table), spelt(wanted)]
      const keys = [...new Set([...before.keys(), ...after.keys()])]
      const differing = keys.filter((key) => before.get(key) !== after.get(key) || had.drifted.has(key))
      assert.deepEqual(
        diffTables(had, wanted)
          .changes.map(({ key }) => key)
          .toSorted(),
        differing.toSorted(),
      )
    }),
    runs(300),
  )
})

test('the guard takes away removals only, and what it keeps is no difference', () => {
  fc.assert(
    fc.property(
      seen,
      table,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.func(fc.boolean()),
      (had, wanted, maxRemoval, isAccounted) => {
        const plan = diffTables(had, wanted)
        const accounted = new Set(had.table.frontends.map(frontendKey).filter(isAccounted))
        const { plan: guarded, problem } = guardRemovals(plan, accounted, { maxRemoval, minFrontends: 0 }, 'edge-1')
        const dropped = plan.changes.filter((change) => !guarded.changes.includes(change))
        assert.ok(dropped.every(({ kind, key }) => kind === 'remove' && !accounted.has(key)))
        assert.equal(dropped.length > 0, problem !== undefined)
        const unexplained = guarded.changes.filter(({ kind, key }) => kind === 'remove' && !accounted.has(key))
        const live = new Set([...had.table.frontends.map(frontendKey), ...had.drifted]).size
        assert.ok(unexplained.length <= live * maxRemoval)
        assert.deepEqual(new Set(dropped.map(({ key }) => key)), guarded.keep)
      },
    ),
    runs(200),
  )
})

test('held frontends are not touched, and holding twice is holding once', () => {
  fc.assert(
    fc.property(table, table, fc.func(fc.boolean()), (had, wanted, isHeld) => {
      const held = new Set(wanted.frontends.map(frontendKey).filter(isHeld))
      const nodeGroups = new Set(['a'])
      const once = holdServed(wanted, held, nodeGroups, observed(had))
      const touched = diffTables(observed(had), once).changes.filter(({ key }) => held.has(key))
      assert.deepEqual(touched, [])
      assert.deepEqual(diffTables(observed(once), holdServed(wanted, held, nodeGroups, observed(once))).changes, [])
    }),
    runs(200),
  )
})
