import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  EMPTY_TABLE,
  type Frontend,
  frontendKey,
  makeTable,
  type Table,
  type Target,
} from '../../../src/model/table.ts'
import { diffTables } from '../../../src/plan/diff.ts'
import { guardRemovals } from '../../../src/plan/guard.ts'
import { holdServed } from '../../../src/plan/hold.ts'
import { frontend, observed } from '../../support/builders.ts'

const NODES: readonly Target[] = [{ name: 'n1', address: '10.0.0.1' }]
const WEB = 'tcp/203.0.113.10:443'

function table(frontends: readonly Partial<Frontend>[], targets = NODES, id = 'nodes'): Table {
  return makeTable(
    frontends.map((one) => frontend({ group: id, ...one })),
    [{ id, targets }],
  )
}

const LIMITS = { maxRemoval: 0.5, minFrontends: 10 }

function twentyWith(hosts: readonly string[]): Table {
  return table(Array.from({ length: 20 }, (_, port) => ({ port: port + 1, hosts })))
}

function changeHosts(before: readonly string[], after: readonly string[]) {
  return guardRemovals(diffTables(observed(twentyWith(before)), twentyWith(after)), new Set(), LIMITS, 'edge-1')
}

describe('the guard', () => {
  const live = table(Array.from({ length: 10 }, (_, index) => ({ port: index + 1 })))
  const without = (gone: number) => table(live.frontends.slice(gone))
  const guard = (desired: Table, accounted: readonly string[] = [], limits = LIMITS, drifted: readonly string[] = []) =>
    guardRemovals(diffTables(observed(live, drifted), desired), new Set(accounted), limits, 'edge-1')

  test('lets as many go without evidence as the limit says', () => {
    const { plan, problem } = guard(without(5))
    assert.deepEqual([plan.changes.length, problem], [5, undefined])
  })

  test('holds back more than that, says so, and does the rest', () => {
    const desired = makeTable([...without(6).frontends, frontend({ port: 99 })], without(6).groups)
    const { plan, problem } = guard(desired)
    assert.deepEqual(
      plan.changes.map(({ kind, key }) => `${kind} ${key}`),
      ['add tcp/203.0.113.10:99'],
    )
    assert.deepEqual([...plan.keep], live.frontends.slice(0, 6).map(frontendKey))
    assert.deepEqual(problem, {
      code: 'RemovalHeld',
      kind: 'terminal',
      message:
        '6 of 10 frontends on proxy edge-1 have no Service any more, though none was seen to be deleted; they are kept',
      remedy:
        'Check that the operator sees the right cluster; to let them go, set guard.maxRemoval to 100% for a while',
    })
  })

  test('lets everything go that Services account for', () => {
    const { plan, problem } = guard(EMPTY_TABLE, live.frontends.map(frontendKey))
    assert.deepEqual([plan.changes.length, problem], [10, undefined])
  })

  test('holds back only what nobody accounts for', () => {
    const accounted = live.frontends.slice(0, 3).map(frontendKey)
    const { plan } = guard(EMPTY_TABLE, accounted)
    assert.deepEqual(
      plan.changes.map(({ key }) => key),
      accounted,
    )
    assert.deepEqual([...plan.keep], live.frontends.slice(3).map(frontendKey))
  })

  test('lets go what the table puts something else in the place of: other hosts, and the same clients', () => {
    const grown = changeHosts(['a.example'], ['a.example', 'b.example'])
    assert.deepEqual([grown.plan.changes.length, grown.problem], [40, undefined])
    assert.equal(changeHosts(['*.b.example'], ['x.b.example']).problem, undefined)
    const others = changeHosts(['a.example'], ['b.example'])
    assert.deepEqual([others.plan.changes.length, others.problem?.code], [20, 'RemovalHeld'])
  })

  test('leaves small tables alone, and lifts with its limit', () => {
    assert.equal(guard(EMPTY_TABLE, [], { ...LIMITS, minFrontends: 11 }).problem, undefined)
    assert.equal(guard(EMPTY_TABLE, [], { ...LIMITS, maxRemoval: 1 }).problem, undefined)
    assert.equal(guard(EMPTY_TABLE, [], { maxRemoval: 0, minFrontends: 0 }).problem?.code, 'RemovalHeld')
  })

  test('counts frontends that were edited by hand, or written by another version, as live', () => {
    const drifted = Array.from({ length: 10 }, (_, index) => `tcp/203.0.113.11:${index}`)
    const nothing = { ...observed(EMPTY_TABLE, drifted) }
    const { plan, problem } = guardRemovals(diffTables(nothing, EMPTY_TABLE), new Set(), LIMITS, 'edge-1')
    assert.deepEqual([plan.changes, [...plan.keep], problem?.code], [[], drifted, 'RemovalHeld'])
  })
})

describe('what is served does not get worse', () => {
  const before = table([{ balance: 'source' }], NODES, 'seen')
  const hold = (
    desired: Table,
    held: readonly string[],
    nodeGroups: readonly string[] = ['nodes'],
    drifted: readonly string[] = [],
    had = before,
  ) => holdServed(desired, new Set(held), new Set(nodeGroups), observed(had, drifted))
  const changes = (after: Table, had = before) =>
    diffTables(observed(had), after).changes.map(({ kind, key }) => `${kind} ${key}`)

  test('a held frontend stays as the proxy has it, and is still its Service’s', () => {
    const of = { namespace: 'a', name: 'b', uid: 'c' }
    const after = hold(table([{ balance: 'random', targetPort: 1, service: of }], []), [WEB])
    assert.deepEqual(changes(after), [])
    assert.deepEqual(after.frontends[0]?.service, of)
  })

  test('a held frontend that the proxy does not have stays away', () => {
    assert.deepEqual(hold(table([{ port: 80 }]), ['tcp/203.0.113.10:80']).frontends, [])
  })

  test('others are not held', () => {
    const after = hold(table([{ balance: 'random' }, { port: 80 }]), ['tcp/203.0.113.10:80'])
    assert.deepEqual(changes(after), [`update ${WEB}`])
  })

  test('a group without any node keeps its targets; settings change all the same', () => {
    const after = hold(table([{ balance: 'random', targetPort: 1 }], []), [])
    assert.deepEqual(changes(after), [`update ${WEB}`])
    assert.deepEqual([after.groups[0]?.targets, after.frontends[0]?.balance], [NODES, 'random'])
    assert.equal(after.frontends[0]?.targetPort, 30_443)
  })

  test('nothing else to change, nothing is written', () =>
    assert.deepEqual(changes(hold(table([{ balance: 'source' }], []), [])), []))

  test('a group of a Service with externalTrafficPolicy Local is emptied', () =>
    assert.deepEqual(hold(table([{}], []), [], []).groups[0]?.targets, []))

  test('an edit by hand is not kept for want of nodes', () =>
    assert.deepEqual(hold(table([{}], []), [], ['nodes'], [WEB]).groups[0]?.targets, []))

  test('a new frontend without nodes is empty', () =>
    assert.deepEqual(hold(table([{ port: 80 }], []), []).groups[0]?.targets, []))

  test('over its own result it changes nothing', () => {
    const once = hold(table([{ balance: 'source' }, { port: 80 }], []), [WEB])
    const again = hold(table([{ balance: 'source' }, { port: 80 }], []), [WEB], ['nodes'], [], once)
    assert.deepEqual(changes(again, once), [])
  })
})
