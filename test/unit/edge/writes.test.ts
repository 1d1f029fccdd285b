import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type Decision, decideWrite, type StoredTable } from '../../../src/edge/writes.ts'
import { type EdgePatch, patchSchema } from '../../../src/model/edge-wire.ts'
import { frontendKey, makeTable, type Table, type TargetGroup } from '../../../src/model/table.ts'
import { runs } from '../../support/builders.ts'
import { on, owner, table, UID } from './builders.ts'

function stored(content: Table): StoredTable {
  return { owner: owner('prod-a/public'), generation: 1, uid: UID, epoch: 1, writtenAt: '', table: content }
}

function decide(content: Table, changes: Pick<EdgePatch, 'frontends' | 'groups'>): Decision {
  const moment = { owner: owner('prod-a/public'), expected: 1, at: '' }
  return decideWrite(stored(content), { kind: 'patch', uid: UID, epoch: 1, patch: changes }, moment)
}

const BASE = table(['203.0.113.10:80', '203.0.113.10:443', on('203.0.113.10:53', { group: 'dns' })])

/** A patch as it is sent: what it does not say is empty. */
function patch(body: object): Pick<EdgePatch, 'frontends' | 'groups'> {
  return patchSchema.parse({ uid: UID, epoch: 1, ...body })
}

const REFUSED: readonly (readonly [body: object, message: string])[] = [
  [
    { frontends: { remove: ['tcp/203.0.113.10:8080'] } },
    'frontend tcp/203.0.113.10:8080 is to be removed, and not there',
  ],
  [
    { frontends: { remove: ['tcp/203.0.113.10:80', 'tcp/203.0.113.10:80'] } },
    'frontend tcp/203.0.113.10:80 is to be removed, and not there',
  ],
  [
    { frontends: { set: [on('203.0.113.10:25', { group: 'none' })] } },
    'frontend tcp/203.0.113.10:25 needs group none, which is not there',
  ],
  [{ frontends: { set: [on('203.0.113.10:25'), on('203.0.113.10:25')] } }, 'frontend tcp/203.0.113.10:25 is set twice'],
  [{ groups: { remove: ['dns'] } }, 'frontend tcp/203.0.113.10:53 needs group dns, which is not there'],
  [{ groups: { remove: ['x'] } }, 'group x is to be removed, and not there'],
  [{ groups: { change: [{ id: 'x' }] } }, 'group x is to be changed, and not there'],
  [
    { groups: { change: [{ id: 'dns', remove: [{ address: '10.0.0.9' }] }] } },
    'target 10.0.0.9 of group dns is to be removed, and not there',
  ],
  [
    { groups: { change: [{ id: 'dns', remove: [{ address: '10.0.0.1', port: 80 }] }] } },
    'target 10.0.0.1 80 of group dns is to be removed, and not there',
  ],
  [
    {
      groups: {
        set: [
          { id: 'dns', targets: [] },
          { id: 'dns', targets: [] },
        ],
      },
    },
    'group dns is set twice',
  ],
]

for (const [body, message] of REFUSED) {
  test(`${JSON.stringify(body).slice(0, 80)}: ${message}`, () => {
    const decision = decide(BASE, patch(body))
    assert.ok(decision.kind === 'refuse')
    assert.deepEqual([decision.refused.code, decision.refused.message], ['BodyInvalid', message])
  })
}

test('a target that is added again takes the place of the one that is there', () => {
  const decision = decide(
    BASE,
    patch({ groups: { change: [{ id: 'dns', add: [{ name: 'n1', address: '10.0.0.1', draining: 'leaving' }] }] } }),
  )
  assert.ok(decision.kind === 'store')
  const dns = decision.next.table.groups.find(({ id }) => id === 'dns')
  assert.deepEqual(dns?.targets, [
    { name: 'n1', address: '10.0.0.1', draining: 'leaving' },
    { name: 'n2', address: '10.0.0.2' },
  ])
})

const anyGroup = (id: string) =>
  fc.subarray(['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4']).map((list): TargetGroup => {
    return { id, targets: list.map((address) => ({ name: 'n', address })) }
  })
const anyTable = fc
  .tuple(
    fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.constantFrom('a', 'b')), { selector: ([port]) => port }),
    anyGroup('a'),
    anyGroup('b'),
  )
  .map(([ports, a, b]) =>
    makeTable(
      ports.map(([port, group]) => on(`203.0.113.10:${port}`, { group })),
      [a, b],
    ),
  )

function addressesOf({ targets }: TargetGroup): ReadonlySet<string> {
  return new Set(targets.map(({ address }) => address))
}

/** What a writer sends that knows both tables. */
function difference(before: Table, after: Table): object {
  const had = new Map(before.frontends.map((one) => [frontendKey(one), JSON.stringify(one)]))
  const has = new Set(after.frontends.map(frontendKey))
  const old = new Map(before.groups.map((group) => [group.id, group]))
  return {
    frontends: {
      set: after.frontends.filter((one) => had.get(frontendKey(one)) !== JSON.stringify(one)),
      remove: [...had.keys()].filter((key) => !has.has(key)),
    },
    groups: {
      set: after.groups.filter(({ id }) => !old.has(id)),
      change: after.groups.flatMap((group) => {
        const known = old.get(group.id)
        if (known === undefined) return []
        const gone = addressesOf(known).difference(addressesOf(group))
        return [{ id: group.id, add: group.targets, remove: [...gone].map((address) => ({ address })) }]
      }),
    },
  }
}

test('a difference brings any table to any other', () => {
  fc.assert(
    fc.property(anyTable, anyTable, (before, after) => {
      const decision = decide(before, patch(difference(before, after)))
      assert.ok(decision.kind === 'store')
      assert.deepEqual(decision.next.table, after)
    }),
    runs(500),
  )
})
