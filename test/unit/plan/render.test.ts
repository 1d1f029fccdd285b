import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CHECK_DEFAULTS } from '../../../src/model/checks.ts'
import { EMPTY_TABLE, type Frontend, makeTable, type Table, type Target } from '../../../src/model/table.ts'
import { diffTables } from '../../../src/plan/diff.ts'
import { renderPlan } from '../../../src/plan/render.ts'
import { frontend, observed } from '../../support/builders.ts'

const WEB = { namespace: 'team-a', name: 'web', uid: 'x' }

function nodes(...numbers: readonly number[]): readonly Target[] {
  return numbers.map((number) => ({ name: `n${number}`, address: `10.0.0.${number}` }))
}

function table(frontends: readonly Partial<Frontend>[], targets: readonly Target[] = nodes(1, 2, 3)): Table {
  return makeTable(
    frontends.map((one) => frontend({ service: WEB, ...one })),
    [{ id: 'nodes', targets }],
  )
}

const render = (before: Table, after: Table, most?: number) =>
  renderPlan(diffTables(observed(before), after), 'edge-1', most)

test('a plan in lines', () => {
  const plan = diffTables(
    observed(table([{ port: 25 }, { port: 80 }, { port: 22 }])),
    table([{ port: 80, balance: 'source' }, { proxyProtocol: 'v2' }]),
    new Set(['tcp/203.0.113.10:22']),
    [{ className: 'old', key: 'tcp/203.0.113.11:443' }],
  )
  assert.deepEqual(renderPlan(plan, 'edge-1'), [
    'edge-1: 1 to add, 1 to change, 2 to remove, 1 kept',
    '- tcp/203.0.113.11:443  left from class old',
    '- tcp/203.0.113.10:25',
    '~ tcp/203.0.113.10:80  team-a/web balance round-robin → source',
    '+ tcp/203.0.113.10:443  team-a/web → 3 targets :30443, PROXY v2',
    '= tcp/203.0.113.10:22',
  ])
})

test('nothing to do', () =>
  assert.deepEqual(render(EMPTY_TABLE, EMPTY_TABLE), ['edge-1: 0 to add, 0 to change, 0 to remove']))

test('as many lines as are wanted, and how many there are beyond them', () => {
  const ports = Array.from({ length: 30 }, (_, index) => ({ port: 1_000 + index }))
  assert.deepEqual(render(EMPTY_TABLE, table(ports), 2), [
    'edge-1: 30 to add, 0 to change, 0 to remove',
    '+ tcp/203.0.113.10:1000  team-a/web → 3 targets :30443',
    '+ tcp/203.0.113.10:1001  team-a/web → 3 targets :30443',
    '… and 28 more',
  ])
})

function added(wishes: Partial<Frontend>, targets?: readonly Target[]) {
  return render(EMPTY_TABLE, table([wishes], targets))[1]?.replace(/^.*(web|configuration) → /, '')
}

describe('what comes', () => {
  const cases: readonly (readonly [Partial<Frontend>, string])[] = [
    [{}, '3 targets :30443'],
    [{ balance: 'source', affinityMs: 10_800_000 }, '3 targets :30443, balance source, affinity 10800s'],
    [
      { healthCheck: { kind: 'http', port: 10_256, ...CHECK_DEFAULTS, derived: true } },
      '3 targets :30443, check http :10256',
    ],
    [
      {
        healthCheck: {
          kind: 'tcp',
          port: undefined,
          intervalMs: 500,
          timeoutMs: 100,
          rise: 1,
          fall: 9,
          derived: false,
        },
      },
      '3 targets :30443, check tcp every 0.5s timeout 0.1s rise 1 fall 9',
    ],
    [{ idleTimeoutMs: 60_000, maxConnections: 100 }, '3 targets :30443, idle timeout 60s, connections 100'],
    [{ sourceRanges: ['10.0.0.0/8', '192.0.2.0/24'] }, '3 targets :30443, from 10.0.0.0/8 192.0.2.0/24'],
  ]
  for (const [wishes, expected] of cases) test(expected, () => assert.equal(added(wishes), expected))

  test('targets in other forms', () => {
    assert.equal(added({}, []), 'no targets')
    assert.equal(added({}, nodes(1)), '1 target :30443')
    assert.equal(added({}, [{ name: 'p', address: '10.244.0.1', port: 8_080 }]), '1 target')
    assert.equal(added({}, [...nodes(1), { ...nodes(2)[0]!, draining: 'leaving' }]), '2 targets :30443 (1 draining)')
  })

  test('a frontend of the configuration', () =>
    assert.equal(
      render(EMPTY_TABLE, table([{ service: undefined }]))[1],
      '+ tcp/203.0.113.10:443  the configuration → 3 targets :30443',
    ))
})

function changed(before: Table, after: Table) {
  return render(before, after)[1]?.replace(/^.*web /, '')
}

describe('what changes', () => {
  const here = table([{}])

  test('settings, before and after', () => {
    const after = table([{ proxyProtocol: 'v2', sourceRanges: ['10.0.0.0/8'] }])
    assert.equal(changed(here, after), 'PROXY off → v2; from everywhere → 10.0.0.0/8')
  })
  test('a few targets by name', () =>
    assert.equal(changed(here, table([{}], nodes(1, 2, 4))), 'targets -10.0.0.3 +10.0.0.4'))
  test('targets that drain, and that are back', () => {
    const [n1, n2, n3] = nodes(1, 2, 3) as [Target, Target, Target]
    const drains = table([{}], [n1, n2, { ...n3, draining: 'cordoned' }])
    assert.equal(changed(here, drains), 'targets ~10.0.0.3 drains')
    assert.equal(changed(drains, here), 'targets ~10.0.0.3 is back')
  })
  test('many targets by number', () =>
    assert.equal(changed(here, table([{}], nodes(4, 5, 6, 7))), 'targets 3 → 4, 7 differ'))
  test('the target port', () => assert.equal(changed(here, table([{ targetPort: 1 }])), 'target port 30443 → 1'))
  test('an edit by hand', () => {
    const plan = diffTables(observed(here, ['tcp/203.0.113.10:443']), here)
    assert.equal(renderPlan(plan, 'edge-1')[1], '~ tcp/203.0.113.10:443  team-a/web was edited by hand')
  })
})
