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

const SERVICE = { namespace: 'team-a', name: 'web', uid: 'uid of team-a/web' }

function twentyWith(hosts: readonly string[]): Table {
  return table(Array.from({ length: 20 }, (_, port) => ({ port: port + 1, hosts, service: SERVICE })))
}

function changeHosts(before: readonly string[], after: readonly string[]) {
  return guardRemovals(diffTables(observed(twentyWith(before)), twentyWith(after)), new Set(), LIMITS, 'edge-1')
}

/** What a person is told to say. */
function wordOf(remedy = ''): string {
  return /"fairway confirm ([0-9a-f]{8})"/.exec(remedy)?.[1] ?? ''
}

describe('the guard', () => {
  const live = table(Array.from({ length: 10 }, (_, index) => ({ port: index + 1, service: SERVICE })))
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
        'Check that the operator sees the right cluster; if all of that is meant to go, run "fairway confirm 7c60ab4f"',
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

  test('leaves small tables alone as long as a Service keeps something there, and lifts with its limit', () => {
    assert.equal(guard(without(9), [], { ...LIMITS, minFrontends: 11 }).problem, undefined)
    assert.equal(guard(EMPTY_TABLE, [], { ...LIMITS, minFrontends: 11 }).problem?.code, 'RemovalHeld')
    assert.equal(guard(EMPTY_TABLE, [], { ...LIMITS, maxRemoval: 1 }).problem, undefined)
    assert.equal(guard(EMPTY_TABLE, [], { maxRemoval: 0, minFrontends: 0 }).problem?.code, 'RemovalHeld')
  })

  test('never empties a proxy of what Services have, though the configuration asks for more there', () => {
    const fixed = table([{ port: 6443 }])
    const three = table([{ port: 1, service: SERVICE }, { port: 2, service: SERVICE }, { port: 6443 }])
    const other = table([{ port: 7, service: SERVICE }, { port: 6443 }])
    for (const desired of [EMPTY_TABLE, fixed, other]) {
      const { plan, problem } = guardRemovals(diffTables(observed(three), desired), new Set(), LIMITS, 'edge-1')
      assert.equal(problem?.code, 'RemovalHeld')
      assert.ok(plan.changes.every(({ kind }) => kind !== 'remove'))
    }
  })

  describe('a person says the word', () => {
    const word = wordOf(guard(without(6)).problem?.remedy)
    const say = (gone: number, said: string, proxy = 'edge-1') =>
      guardRemovals(diffTables(observed(live), without(gone)), new Set(), LIMITS, proxy, new Set([said]))

    test('and exactly what it stands for goes, from each proxy that has the same', () => {
      for (const proxy of ['edge-1', 'edge-2']) {
        const { plan, problem } = say(6, word, proxy)
        assert.deepEqual([plan.changes.length, plan.keep.size, problem], [6, 0, undefined])
      }
    })

    test('and nothing goes where more is to go than it stands for, or something else', () => {
      assert.equal(say(7, word).plan.changes.length, 0)
      assert.notEqual(wordOf(say(7, word).problem?.remedy), word)
      assert.equal(say(6, '00000000').plan.changes.length, 0)
    })
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
