import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EMPTY_TABLE, type Frontend, makeTable, type Table, type Target } from '../../../src/model/table.ts'
import { diffTables, keysOf } from '../../../src/plan/diff.ts'
import { frontend, observed } from '../../support/builders.ts'

const NODES: readonly Target[] = [
  { name: 'n1', address: '10.0.0.1' },
  { name: 'n2', address: '10.0.0.2' },
]

function table(frontends: readonly Partial<Frontend>[], targets: readonly Target[] = NODES, id = 'nodes'): Table {
  return makeTable(
    frontends.map((one) => frontend({ group: id, ...one })),
    [{ id, targets }],
  )
}

/** Changes in a few words: `update tcp/203.0.113.10:443`. */
function changes(before: Table, after: Table, drifted: readonly string[] = []): readonly string[] {
  return diffTables(observed(before, drifted), after).changes.map(({ kind, key }) => `${kind} ${key}`)
}

const WEB = 'tcp/203.0.113.10:443'

describe('the table above diffTables', () => {
  test('– and a frontend: add', () => assert.deepEqual(changes(EMPTY_TABLE, table([{}])), [`add ${WEB}`]))
  test('the same: nothing', () => assert.deepEqual(changes(table([{}]), table([{}])), []))
  test('the same, but drifted: update', () =>
    assert.deepEqual(changes(table([{}]), table([{}]), [WEB]), [`update ${WEB}`]))
  test('a frontend and –: remove', () => assert.deepEqual(changes(table([{}]), EMPTY_TABLE), [`remove ${WEB}`]))
  test('drifted and –: remove', () => assert.deepEqual(changes(EMPTY_TABLE, EMPTY_TABLE, [WEB]), [`remove ${WEB}`]))
  test('drifted beyond recognition, and wanted: add', () =>
    assert.deepEqual(changes(EMPTY_TABLE, table([{}]), [WEB]), [`add ${WEB}`]))

  const different: readonly (readonly [string, Partial<Frontend>])[] = [
    ['proxy protocol', { proxyProtocol: 'v2' }],
    ['balance', { balance: 'source' }],
    ['health check', { healthCheck: 'tcp' }],
    ['idle timeout', { idleTimeoutMs: 1 }],
    ['most connections', { maxConnections: 1 }],
    ['one source range more', { sourceRanges: ['10.0.0.0/8'] }],
    ['hosts', { hosts: ['a.example'] }],
    ['target port', { targetPort: 1 }],
  ]
  for (const [what, wishes] of different) {
    test(`${what}: update, either way`, () => {
      assert.deepEqual(changes(table([{}]), table([wishes])), [`update ${WEB}`])
      assert.deepEqual(changes(table([wishes]), table([{}])), [`update ${WEB}`])
      assert.deepEqual(changes(table([wishes]), table([wishes])), [])
    })
  }
  test('another source range: update', () =>
    assert.deepEqual(changes(table([{ sourceRanges: ['10.0.0.0/8'] }]), table([{ sourceRanges: ['192.0.2.0/24'] }])), [
      `update ${WEB}`,
    ]))
})

describe('targets', () => {
  const [first] = NODES.slice(0, 1)
  const differ: readonly (readonly [string, readonly Target[]])[] = [
    ['one less', NODES.slice(1)],
    ['one more', [...NODES, { name: 'n3', address: '10.0.0.3' }]],
    ['another address', [{ name: 'n1', address: '10.0.0.9' }, ...NODES.slice(1)]],
    ['a port of its own', [{ name: 'n1', address: '10.0.0.1', port: 8_080 }, ...NODES.slice(1)]],
    ['none', []],
  ]
  for (const [what, targets] of differ) {
    test(`${what}: update`, () => assert.deepEqual(changes(table([{}]), table([{}], targets)), [`update ${WEB}`]))
  }

  test('names and group ids do not matter: a proxy need not keep them', () => {
    const renamed = NODES.map((target) => ({ ...target, name: '' }))
    assert.deepEqual(changes(table([{}], renamed, 'group-7'), table([{}])), [])
  })

  test('a port that says what the frontend says is no difference', () => {
    const explicit = NODES.map((target) => ({ ...target, port: 30_443 }))
    assert.deepEqual(changes(table([{}], explicit), table([{}])), [])
    assert.deepEqual(
      changes(table([{}, { port: 80, targetPort: 80 }], explicit), table([{}, { port: 80, targetPort: 80 }])),
      ['update tcp/203.0.113.10:80'],
    )
  })

  test('one change of a shared group updates each frontend on it, and no other', () => {
    const groups = (targets: readonly Target[]) => [
      { id: 'nodes', targets },
      { id: 'local', targets: NODES },
    ]
    const frontends = [frontend(), frontend({ port: 80 }), frontend({ port: 25, group: 'local' })]
    const before = makeTable(frontends, groups(NODES))
    const after = makeTable(frontends, groups(first === undefined ? [] : [first]))
    assert.deepEqual(changes(before, after), [`update ${WEB}`, 'update tcp/203.0.113.10:80'])
  })
})

test('removals come first, then updates, then additions', () => {
  const before = table([{ port: 1 }, { port: 2 }, { port: 3 }])
  const after = table([{ port: 2, balance: 'source' }, { port: 3 }, { port: 4 }, { port: 1, protocol: 'UDP' }])
  assert.deepEqual(changes(before, after), [
    'remove tcp/203.0.113.10:1',
    'update tcp/203.0.113.10:2',
    'add tcp/203.0.113.10:4',
    'add udp/203.0.113.10:1',
  ])
})

test('a change carries what was, and what shall be', () => {
  const [before, after] = [table([{ port: 1 }, { port: 2 }]), table([{ port: 2, balance: 'source' }, { port: 3 }])]
  const plan = diffTables(observed(before), after)
  assert.deepEqual(plan.changes, [
    { kind: 'remove', key: 'tcp/203.0.113.10:1', before: before.frontends[0] },
    { kind: 'update', key: 'tcp/203.0.113.10:2', before: before.frontends[1], after: after.frontends[0] },
    { kind: 'add', key: 'tcp/203.0.113.10:3', after: after.frontends[1] },
  ])
  assert.equal(plan.table, after)
  assert.deepEqual([...keysOf(after)], ['tcp/203.0.113.10:2', 'tcp/203.0.113.10:3'])
})

test('who a frontend is for is no difference', () => {
  const of = { namespace: 'a', name: 'b', uid: 'c' }
  assert.deepEqual(changes(table([{}]), table([{ service: of }])), [])
})
