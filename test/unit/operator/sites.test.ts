// Pools that name the proxies which have their addresses.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Problem } from '../../../src/model/problems.ts'
import { frontendKey, makeTable } from '../../../src/model/table.ts'
import { createSites, tableAt } from '../../../src/operator/sites.ts'
import { classSpec, frontend, pool, service } from '../../support/builders.ts'
import { createWorld, type World } from '../../support/operator-world.ts'

const GONE: Problem = { code: 'ProxyUnreachable', kind: 'transient', message: 'it is away', remedy: 'Start it' }

const POOLS = [
  pool('east', ['203.0.113.10'], { proxies: ['edge-1'] }),
  pool('west', ['198.51.100.10', '198.51.100.0'], { proxies: ['edge-2'], avoidEdgeAddresses: true }),
  pool('both', ['192.0.2.10'], { autoAssign: false }),
]

function sitesWorld(): World {
  return createWorld({ proxies: 2, running: { spec: classSpec({ pools: POOLS }) } })
}

function served(world: World): readonly (readonly string[])[] {
  return world.proxies.map(({ table }) => table.frontends.map(frontendKey))
}

function programmed(world: World): string | undefined {
  return world.get('default/web').status.conditions.find(({ type }) => type === 'fairway.dev/Programmed')?.message
}

test('who has an address', () => {
  const sites = createSites(POOLS)
  const table: readonly (readonly [string, boolean, boolean])[] = [
    ['203.0.113.10', true, false],
    ['198.51.100.10', false, true],
    // Given before edge addresses were avoided.
    ['198.51.100.0', false, true],
    ['192.0.2.10', true, true],
    // Left every pool.
    ['192.0.2.99', true, true],
  ]
  for (const [address, first, second] of table) {
    assert.deepEqual([sites('edge-1', address), sites('edge-2', address)], [first, second], address)
  }
})

test('what a proxy shall have of a table, which is the table itself where that is all', () => {
  const both = makeTable(
    [frontend({ group: 'a' }), frontend({ address: '198.51.100.10', group: 'b' })],
    ['a', 'b'].map((id) => ({ id, targets: [] })),
  )
  const { frontends, groups } = tableAt(both, 'edge-2', createSites(POOLS))
  assert.deepEqual([frontends, groups], [both.frontends.slice(0, 1), both.groups.slice(1)])
  assert.equal(tableAt(both, 'edge-2', createSites([pool('all', ['203.0.113.10'])])), both)
})

test('a Service has an address at each site, served there and nowhere else', async () => {
  const world = sitesWorld()
  world.put(service('web'))
  await world.pass()
  assert.deepEqual(served(world), [['tcp/203.0.113.10:443'], ['tcp/198.51.100.10:443']])
  assert.equal(programmed(world), 'Served by 2 of 2 proxies: edge-1, edge-2')
  const shown = world.get('default/web').status.loadBalancer.ingress.map(({ ip }) => ip)
  assert.deepEqual(new Set(shown), new Set(['198.51.100.10', '203.0.113.10']))
})

test('a site that is away is not served; what it has shows once it is back', async () => {
  const world = sitesWorld()
  const [, west] = world.proxies
  assert.ok(west)
  west.broken = GONE
  world.put(service('web'))
  await world.pass()
  assert.equal(programmed(world), 'Served by 1 of 2 proxies: edge-1. it is away. Start it')
  assert.deepEqual(
    world.get('default/web').status.loadBalancer.ingress.map(({ ip }) => ip),
    ['203.0.113.10'],
  )
})

test('a Service is told about, and waits for, the proxies of its addresses only', async () => {
  const world = createWorld({
    proxies: 2,
    running: { spec: classSpec({ pools: POOLS.slice(0, 1) }) },
  })
  const [, west] = world.proxies
  assert.ok(west)
  west.broken = GONE
  world.put(service('web'))
  await world.pass()
  assert.equal(programmed(world), 'Served by 1 of 1 proxies: edge-1')
  assert.doesNotMatch(world.told.join(), /ProxyUnreachable/)
  const before = world.get('default/web')
  world.put({ ...before, metadata: { ...before.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } })
  await world.pass()
  assert.deepEqual([...world.services.keys()], [])
})
