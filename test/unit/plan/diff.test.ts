import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CHECK_DEFAULTS } from '../../../src/model/checks.ts'
import {
  EMPTY_TABLE,
  type Frontend,
  type HealthCheck,
  keysOf,
  makeTable,
  type Table,
  type Target,
} from '../../../src/model/table.ts'
import { diffTables } from '../../../src/plan/diff.ts'
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
const TCP: HealthCheck = { kind: 'tcp', port: undefined, ...CHECK_DEFAULTS, derived: false }

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
    ['health check', { healthCheck: TCP }],
    ['affinity', { affinityMs: 1 }],
    ['idle timeout', { idleTimeoutMs: 1 }],
    ['most connections', { maxConnections: 1 }],
    ['one source range more', { sourceRanges: ['10.0.0.0/8'] }],
    ['target port', { targetPort: 1 }],
  ]
  for (const [what, wishes] of different) {
    test(`${what}: update, either way`, () => {
      assert.deepEqual(changes(table([{}]), table([wishes])), [`update ${WEB}`])
      assert.deepEqual(changes(table([wishes]), table([{}])), [`update ${WEB}`])
      assert.deepEqual(changes(table([wishes]), table([wishes])), [])
    })
  }
  const checks: readonly (readonly [string, Partial<HealthCheck>, number])[] = [
    ['kind', { kind: 'http' }, 1],
    ['port', { port: 10_256 }, 1],
    ['interval', { intervalMs: 1 }, 1],
    ['timeout', { timeoutMs: 1 }, 1],
    ['rise', { rise: 9 }, 1],
    ['fall', { fall: 9 }, 1],
    ['nobody having asked for it', { derived: true }, 0],
  ]
  for (const [what, wishes, count] of checks) {
    test(`${what} of a check: ${count === 1 ? 'update' : 'nothing'}`, () => {
      const after = table([{ healthCheck: { ...TCP, ...wishes } }])
      assert.equal(changes(table([{ healthCheck: TCP }]), after).length, count)
    })
  }

  test('another source range: update', () =>
    assert.deepEqual(changes(table([{ sourceRanges: ['10.0.0.0/8'] }]), table([{ sourceRanges: ['192.0.2.0/24'] }])), [
      `update ${WEB}`,
    ]))
})

function draining(why: 'cordoned' | 'leaving'): readonly Target[] {
  return NODES.map((target) => ({ ...target, draining: why }))
}

function withPort(port: number): readonly Target[] {
  return NODES.map((target) => ({ ...target, port }))
}

describe('targets', () => {
  const [first] = NODES.slice(0, 1)
  const differ: readonly (readonly [string, readonly Target[]])[] = [
    ['one less', NODES.slice(1)],
    ['one more', [...NODES, { name: 'n3', address: '10.0.0.3' }]],
    ['another address', [{ name: 'n1', address: '10.0.0.9' }, ...NODES.slice(1)]],
    ['a port of its own', [{ name: 'n1', address: '10.0.0.1', port: 8_080 }, ...NODES.slice(1)]],
    ['none', []],
    ['one that drains', [{ name: 'n1', address: '10.0.0.1', draining: 'leaving' }, ...NODES.slice(1)]],
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

  test('why a target drains is no difference', () => {
    assert.deepEqual(changes(table([{}], draining('cordoned')), table([{}], draining('leaving'))), [])
  })

  test('ports that targets have of their own make up for another target port', () => {
    assert.deepEqual(
      changes(table([{ targetPort: 1 }], withPort(8_080)), table([{ targetPort: 2 }], withPort(8_080))),
      [],
    )
    assert.deepEqual(changes(table([{ targetPort: 1 }], withPort(8_080)), table([{ targetPort: 8_080 }])), [])
    assert.deepEqual(changes(table([{ targetPort: 1 }], withPort(8_080)), table([{ targetPort: 1 }])), [
      `update ${WEB}`,
    ])
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

function shared(...hosts: readonly (readonly string[])[]): Table {
  return table(hosts.map((one) => ({ hosts: one })))
}

describe('several frontends on one socket', () => {
  test('are changed one by one', () => {
    assert.deepEqual(changes(shared(['a.example']), shared(['a.example'], ['b.example'], [])), [
      `add ${WEB}`,
      `add ${WEB}#b.example`,
    ])
  })

  test('other hosts are another frontend: what had them goes before it comes', () => {
    assert.deepEqual(changes(shared(['a.example'], ['b.example']), shared(['a.example', 'b.example'])), [
      `remove ${WEB}#a.example`,
      `remove ${WEB}#b.example`,
      `add ${WEB}#a.example,b.example`,
    ])
  })

  test('a socket that passes from one Service to another is one update', () => {
    const [old, young] = [
      { namespace: 'team-a', name: 'old', uid: '1' },
      { namespace: 'team-a', name: 'young', uid: '2' },
    ]
    const [before, after] = [table([{ service: old }]), table([{ service: young, targetPort: 1 }])]
    assert.deepEqual(changes(before, after), [`update ${WEB}`])
  })
})

test('the order in which a proxy gives its frontends is no difference', () => {
  const sorted = table([{ port: 1 }, { port: 2 }, { port: 3 }])
  const turned = { ...sorted, frontends: sorted.frontends.toReversed() }
  assert.deepEqual(changes(turned, sorted), [])
  assert.deepEqual(changes(turned, table([{ port: 1 }, { port: 2, balance: 'source' }, { port: 4 }])), [
    'remove tcp/203.0.113.10:3',
    'update tcp/203.0.113.10:2',
    'add tcp/203.0.113.10:4',
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
