import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { CHECK_DEFAULTS } from '../../src/model/checks.ts'
import type { Plan } from '../../src/model/driver.ts'
import { hostsOverlap } from '../../src/model/hosts.ts'
import { type Frontend, frontendKey, makeTable, socketKey, type Table } from '../../src/model/table.ts'
import { diffTables } from '../../src/plan/diff.ts'
import { guardRemovals } from '../../src/plan/guard.ts'
import { holdServed } from '../../src/plan/hold.ts'
import { frontend, observed, runs } from '../support/builders.ts'

const check = { kind: 'tcp' as const, port: undefined, ...CHECK_DEFAULTS, derived: false }

const wishes = fc.record({
  address: fc.constantFrom('203.0.113.10', '2001:db8::1'),
  port: fc.constantFrom(80, 443),
  protocol: fc.constantFrom('TCP' as const, 'TCP' as const, 'UDP' as const),
  hosts: fc.subarray(['*.b.example', 'a.b.example', 'c.b.example', 'd.example'], { maxLength: 2 }),
  group: fc.constantFrom('a', 'b'),
  targetPort: fc.constantFrom(30_080, 30_443),
  balance: fc.constantFrom('round-robin' as const, 'source' as const),
  affinityMs: fc.constantFrom(undefined, 1_000),
  healthCheck: fc.constantFrom(undefined, check, { ...check, derived: true }, { ...check, fall: 9 }),
  sourceRanges: fc.constantFrom([], ['10.0.0.0/8'], ['10.0.0.0/8', '192.0.2.0/24']),
})

/** As an allocation gives them: no client of a socket is anybody else's. */
function withoutOverlap(all: readonly Frontend[]): readonly Frontend[] {
  const kept: Frontend[] = []
  for (const one of all) if (!kept.some((other) => overlap(one, other))) kept.push(one)
  return kept
}

function overlap(a: Frontend, b: Frontend): boolean {
  return socketKey(a) === socketKey(b) && hostsOverlap(a.hosts, b.hosts)
}

const frontends = fc
  .array(
    wishes.map((one) => frontend({ ...one, hosts: one.protocol === 'UDP' ? [] : one.hosts })),
    { maxLength: 12 },
  )
  .map(withoutOverlap)
const targets = fc
  .array(
    fc.record({
      number: fc.constantFrom(1, 2, 3),
      port: fc.constantFrom(undefined, undefined, undefined, 8_080),
      draining: fc.constantFrom(undefined, undefined, 'cordoned' as const, 'leaving' as const),
    }),
    { maxLength: 3 },
  )
  .map((all) =>
    [...new Map(all.map((one) => [one.number, one])).values()]
      .toSorted((a, b) => a.number - b.number)
      .map(({ number, port, draining }) => ({
        name: `n${number}`,
        address: `10.0.0.${number}`,
        ...(port === undefined ? {} : { port }),
        ...(draining === undefined ? {} : { draining }),
      })),
  )

const table: fc.Arbitrary<Table> = fc.record({ frontends, a: targets, b: targets }).map(({ frontends: all, a, b }) =>
  makeTable(all, [
    { id: 'a', targets: a },
    { id: 'b', targets: b },
  ]),
)
const tweaks: fc.Arbitrary<Partial<Frontend>> = fc.constantFrom(
  {},
  {},
  { targetPort: 30_081 },
  { balance: 'random' as const },
  { affinityMs: 2_000 },
  { healthCheck: { ...check, rise: 9 } },
  { sourceRanges: [] },
  { group: 'b' },
)

/** What a proxy has and what it shall have: something else, or much the same with a few edits. */
const pair = fc
  .record({
    had: table,
    other: table,
    edits: fc.array(fc.option(tweaks), { minLength: 12, maxLength: 12 }),
    newGroups: fc.boolean(),
    drift: fc.subarray([0, 1, 2, 3, 4, 5]),
  })
  .map(({ had, other, edits, newGroups, drift }) => {
    const kept = had.frontends.flatMap((one, index) => {
      const edit = edits[index]
      return edit === null || edit === undefined ? [] : { ...one, ...edit }
    })
    const groups = new Map([...other.groups, ...(newGroups ? [] : had.groups)].map((group) => [group.id, group]))
    const drifted = had.frontends.filter((_, index) => drift.includes(index)).map(frontendKey)
    const wanted = makeTable(withoutOverlap([...kept, ...other.frontends]), groups.values())
    return { had: observed(had, drifted), wanted }
  })

/** A frontend with its targets spelt out, as a proxy has it that knows no groups. */
function spellOut(one: Frontend, of: Table): string {
  const { group, targetPort, service: _, healthCheck, ...settings } = one
  const found = of.groups.find(({ id }) => id === group)?.targets ?? []
  const led = found.map(({ address, port, draining }) => `${address}:${port ?? targetPort}${draining ? ' drains' : ''}`)
  const asked = healthCheck && { ...healthCheck, derived: undefined }
  return JSON.stringify({ ...settings, healthCheck: asked, led })
}

const spelt = (of: Table) => new Map(of.frontends.map((one) => [frontendKey(one), spellOut(one, of)]))

/** A proxy that takes changes one by one. Fails on one that adds what is there, touches what is not, or gives a client to two. */
function applyOneByOne({ observed: before, table: after, changes }: Plan): ReadonlyMap<string, string> {
  const has = new Map(
    before.table.frontends.map((one) => [frontendKey(one), { one, text: spellOut(one, before.table) }]),
  )
  for (const change of changes) {
    assert.equal(has.has(change.key), change.kind !== 'add', `${change.kind} ${change.key}`)
    if (change.kind === 'remove') has.delete(change.key)
    else {
      const rivals = [...has].filter(([key, { one }]) => key !== change.key && overlap(one, change.after))
      assert.deepEqual(rivals, [], `${change.kind} ${change.key}`)
      has.set(change.key, { one: change.after, text: spellOut(change.after, after) })
    }
  }
  return new Map(Array.from(has, ([key, { text }]) => [key, text]))
}

const byKey = (map: ReadonlyMap<string, string>) => Object.fromEntries(map)

test('the changes applied one by one give the table, no client is wanted by two on the way, and a second plan is empty', () => {
  fc.assert(
    fc.property(pair, ({ had, wanted }) => {
      const plan = diffTables(had, wanted)
      assert.deepEqual(byKey(applyOneByOne(plan)), byKey(spelt(wanted)))
      assert.deepEqual(diffTables(observed(plan.table), wanted).changes, [])
    }),
    runs(1_000),
  )
})

test('the changes are as few as can be', () => {
  fc.assert(
    fc.property(pair, ({ had, wanted }) => {
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
    runs(1_000),
  )
})

test('the guard takes away removals only, and what it keeps is no difference and in nobody’s way', () => {
  fc.assert(
    fc.property(
      pair,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.func(fc.boolean()),
      ({ had, wanted }, maxRemoval, isAccounted) => {
        const plan = diffTables(had, wanted)
        const accounted = new Set(had.table.frontends.map(frontendKey).filter(isAccounted))
        const { plan: guarded, problem } = guardRemovals(plan, accounted, { maxRemoval, minFrontends: 0 }, 'edge-1')
        const dropped = plan.changes.filter((change) => !guarded.changes.includes(change))
        assert.ok(dropped.every(({ kind, key }) => kind === 'remove' && !accounted.has(key)))
        assert.equal(dropped.length > 0, problem !== undefined)
        assert.deepEqual(new Set(dropped.map(({ key }) => key)), guarded.keep)
        const unexplained = guarded.changes.filter(
          (change) =>
            change.kind === 'remove' &&
            !accounted.has(change.key) &&
            !wanted.frontends.some((one) => change.before !== undefined && overlap(one, change.before)),
        )
        const live = new Set([...had.table.frontends.map(frontendKey), ...had.drifted]).size
        assert.ok(unexplained.length <= live * maxRemoval)
        applyOneByOne(guarded)
      },
    ),
    runs(1_000),
  )
})

test('held frontends are not touched, and holding twice is holding once', () => {
  fc.assert(
    fc.property(pair, fc.func(fc.boolean()), ({ had: { table: had }, wanted }, isHeld) => {
      const held = new Set(wanted.frontends.map(frontendKey).filter(isHeld))
      const nodeGroups = new Set(['a'])
      const once = holdServed(wanted, held, nodeGroups, observed(had))
      const touched = diffTables(observed(had), once).changes.filter(({ key }) => held.has(key))
      assert.deepEqual(touched, [])
      assert.deepEqual(diffTables(observed(once), holdServed(wanted, held, nodeGroups, observed(once))).changes, [])
    }),
    runs(1_000),
  )
})
