import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { deltaOf } from '../../../src/drivers/edge/delta.ts'
import { createSpeaker } from '../../../src/drivers/edge/sayable.ts'
import { wantedTable } from '../../../src/drivers/edge/wanted.ts'
import { decideWrite } from '../../../src/edge/writes.ts'
import { patchSchema } from '../../../src/model/edge-wire.ts'
import { EMPTY_TABLE, type Frontend, frontendKey, makeTable, type Table } from '../../../src/model/table.ts'
import { runs } from '../../support/builders.ts'
import { NODES, on, owner, table, UID } from '../edge/builders.ts'

const WEB = table(['203.0.113.10:443'])
const nothing = { set: [], remove: [] }
const noGroups = { set: [], change: [], remove: [] }

describe('a difference', () => {
  test('of equal tables is none; names of targets, and whether anybody asked for a check, make no other', () => {
    assert.equal(deltaOf(WEB, WEB), undefined)
    assert.equal(deltaOf(WEB, table(['203.0.113.10:443'])), undefined)
    const renamed = NODES.map((one) => ({ ...one, name: `${one.name} too` }))
    assert.equal(deltaOf(WEB, table(['203.0.113.10:443'], renamed)), undefined)
    const check = { kind: 'tcp', port: undefined, intervalMs: 1, timeoutMs: 1, rise: 1, fall: 1 } as const
    const [derived, asked] = [true, false].map((one) =>
      table([on('203.0.113.10:443', { healthCheck: { ...check, derived: one } })]),
    )
    assert.equal(deltaOf(derived ?? EMPTY_TABLE, asked ?? EMPTY_TABLE), undefined)
  })

  test('names frontends that come, change and go', () => {
    const [stays, goes, changes, comes] = ['203.0.113.10:1', '203.0.113.10:2', '203.0.113.10:3', '203.0.113.10:4']
    const after = on(changes ?? '', { balance: 'source' })
    const before = table([stays ?? '', goes ?? '', changes ?? ''])
    assert.deepEqual(deltaOf(before, table([stays ?? '', after, comes ?? ''])), {
      frontends: { set: [after, on(comes ?? '')], remove: ['tcp/203.0.113.10:2'] },
      groups: noGroups,
    })
  })

  test('is the whole of a frontend for each of its settings', () => {
    const wishes: readonly Partial<Frontend>[] = [
      { group: 'others' },
      { targetPort: 1 },
      { proxyProtocol: 'v1' },
      { balance: 'source' },
      { affinityMs: 1 },
      { idleTimeoutMs: 1 },
      { maxConnections: 1 },
      { sourceRanges: ['192.0.2.0/24'] },
      { healthCheck: { kind: 'tcp', port: 1, intervalMs: 1, timeoutMs: 1, rise: 1, fall: 1, derived: true } },
      { service: { namespace: 'a', name: 'b', uid: 'c' } },
    ]
    for (const wish of wishes) {
      const after = on('203.0.113.10:443', wish)
      assert.deepEqual(deltaOf(WEB, table([after]))?.frontends.set, [after], JSON.stringify(wish))
    }
  })

  test('of a group is what joins and leaves, a target in its place included', () => {
    const many = Array.from({ length: 9 }, (_, at) => ({ name: '', address: `10.0.0.${at + 1}` }))
    const [first, second, ...rest] = many
    const drained = { name: '', address: '10.0.0.2', draining: 'cordoned' as const }
    const joins = { name: '', address: '10.0.0.1', port: 80 }
    assert.ok(first !== undefined && second !== undefined)
    assert.deepEqual(
      deltaOf(table(['203.0.113.10:443'], many), table(['203.0.113.10:443'], [joins, drained, ...rest])),
      {
        frontends: nothing,
        groups: {
          ...noGroups,
          change: [{ id: 'nodes', add: [joins, drained], remove: [{ address: '10.0.0.1' }] }],
        },
      },
    )
  })

  test('of a group that has changed throughout is the group', () => {
    const others = [{ name: 'n9', address: '10.0.0.9' }]
    assert.deepEqual(deltaOf(WEB, table(['203.0.113.10:443'], others))?.groups, {
      ...noGroups,
      set: [{ id: 'nodes', targets: others }],
    })
  })
})

const anyTarget = fc.record(
  {
    name: fc.constantFrom('n1', 'n2', ''),
    address: fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '2001:db8::1'),
    port: fc.constantFrom(80, 81),
    draining: fc.constantFrom('cordoned' as const, 'leaving' as const),
  },
  { requiredKeys: ['name', 'address'] },
)
const GROUPS = ['a', 'b', 'kept/1', 'kept/2']
const anyTable: fc.Arbitrary<Table> = fc
  .record({
    frontends: fc.uniqueArray(
      fc.record({
        port: fc.integer({ min: 1, max: 6 }),
        group: fc.constantFrom(...GROUPS),
        balance: fc.constantFrom('source' as const, 'random' as const),
      }),
      { selector: ({ port }) => port },
    ),
    targets: fc.tuple(
      ...GROUPS.map(() => fc.uniqueArray(anyTarget, { selector: (one) => `${one.address} ${one.port}` })),
    ),
  })
  .map(({ frontends, targets }) =>
    makeTable(
      frontends.map(({ port, ...wishes }) => on(`203.0.113.10:${port}`, wishes)),
      GROUPS.map((id, at) => ({ id, targets: targets[at] ?? [] })),
    ),
  )

/** What the edge has after a difference, as it comes over the wire. */
function patched(before: Table, after: Table): Table | string {
  const delta = deltaOf(before, after)
  if (delta === undefined) return before
  const patch = patchSchema.parse(JSON.parse(JSON.stringify({ uid: UID, epoch: 1, ...delta })))
  const parts = owner('prod-a/public')
  const stored = { owner: parts, generation: 1, uid: UID, epoch: 1, writtenAt: '', table: before }
  const moment = { owner: parts, expected: 1, at: '' }
  const decision = decideWrite(stored, { kind: 'patch', uid: UID, epoch: 1, patch }, moment)
  return decision.kind === 'store' ? decision.next.table : decision.kind
}

/** Each frontend with its targets, names of both aside. */
function meaning({ frontends, groups }: Table) {
  return frontends.map((one) => ({
    ...one,
    group: groups
      .find(({ id }) => id === one.group)
      ?.targets.map((target) => JSON.stringify({ ...target, name: '' }))
      .toSorted(),
  }))
}

test('a difference brings what the edge has to any table, and leaves no other', () => {
  fc.assert(
    fc.property(anyTable, anyTable, (before, after) => {
      const stored = patched(before, after)
      assert.ok(typeof stored === 'object', 'refused')
      assert.deepEqual(meaning(stored), meaning(after))
      assert.equal(deltaOf(stored, after), undefined)
    }),
    runs(300),
  )
})

test('what is kept is kept as it is, what is wanted is there, and the same again is the same', () => {
  fc.assert(
    fc.property(anyTable, anyTable, fc.uniqueArray(fc.integer({ min: 1, max: 6 })), (stored, table_, ports) => {
      const keep = new Set(ports.map((port) => `tcp/203.0.113.10:${port}`))
      const wanted = wantedTable(table_, keep, stored)
      const keys = new Set(table_.frontends.map(frontendKey))
      const kept = meaning(stored).filter((one) => keep.has(frontendKey(one)) && !keys.has(frontendKey(one)))
      const expected = [...meaning(table_), ...kept].toSorted((a, b) => (frontendKey(a) < frontendKey(b) ? -1 : 1))
      assert.deepEqual(meaning(wanted), expected)
      assert.equal(deltaOf(wanted, wantedTable(table_, keep, wanted)), undefined)
      const next = patched(stored, wanted)
      assert.ok(typeof next === 'object', 'refused')
    }),
    runs(300),
  )
})

describe('what cannot be said', () => {
  const say = createSpeaker('edge-1')
  const problems = (wish: Partial<Frontend>) =>
    say(table([on('203.0.113.10:443', wish)])).refused.map(({ problem }) => `${problem.code} ${problem.message}`)

  test('is named with its place', () => {
    const is = 'is nothing that proxy edge-1 may be given:'
    const cases: readonly (readonly [Partial<Frontend>, string])[] = [
      [
        { targetPort: 70_000 },
        `AddressInvalid tcp/203.0.113.10:443 ${is} targetPort Too big: expected number to be <=65535`,
      ],
      [
        { sourceRanges: ['192.0.2.0/24', '10.0.0.0/8'] },
        `AddressInvalid tcp/203.0.113.10:443 ${is} sourceRanges must be sorted, with each entry once`,
      ],
      [
        { hosts: ['A.example'] },
        `AnnotationInvalid tcp/203.0.113.10:443#A.example ${is} hosts.0 must be a host name in lower case, or *. before one`,
      ],
      [
        { maxConnections: 0.5 },
        `AnnotationInvalid tcp/203.0.113.10:443 ${is} maxConnections Invalid input: expected int, received number`,
      ],
    ]
    for (const [wish, text] of cases) assert.deepEqual(problems(wish), [text])
  })

  test('is left out with nothing else, and the same table is the same words', () => {
    const mixed = table(['203.0.113.10:80', on('203.0.113.10:443', { targetPort: 0 })])
    assert.deepEqual(say(mixed).table.frontends, [on('203.0.113.10:80')])
    const [one, other] = [say(WEB).table, say(WEB).table]
    assert.equal(deltaOf(one, other), undefined)
    assert.equal(one.groups[0]?.targets, other.groups[0]?.targets)
  })
})
