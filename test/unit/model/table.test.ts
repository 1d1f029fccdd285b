import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  compareText,
  frontendKey,
  makeTable,
  serviceName,
  sortFrontends,
  withoutFrontends,
} from '../../../src/model/table.ts'
import { frontend, runs } from '../../support/builders.ts'

test('a frontend is named by protocol, address and port', () => {
  assert.equal(frontendKey(frontend()), 'tcp/203.0.113.10:443')
  assert.equal(frontendKey(frontend({ protocol: 'UDP', address: '2001:db8::1', port: 53 })), 'udp/[2001:db8::1]:53')
})

test('equal content is an equal table, whatever the order it came in', () => {
  const frontends = [
    frontend({ port: 80, group: 'b' }),
    frontend({ port: 443, group: 'a' }),
    frontend({ port: 443, protocol: 'UDP', group: 'a' }),
    frontend({ address: '2001:db8::1', group: 'a' }),
  ]
  const groups = [
    { id: 'b', targets: [] },
    { id: 'a', targets: [{ name: 'n1', address: '10.0.0.1' }] },
  ]
  const table = makeTable(frontends, groups)
  assert.equal(JSON.stringify(makeTable(frontends.toReversed(), groups.toReversed())), JSON.stringify(table))
  assert.deepEqual(table.frontends.map(frontendKey), [
    'tcp/203.0.113.10:443',
    'tcp/203.0.113.10:80',
    'tcp/[2001:db8::1]:443',
    'udp/203.0.113.10:443',
  ])
  assert.deepEqual(
    table.groups.map(({ id }) => id),
    ['a', 'b'],
  )
})

test('frontends are in the order of their keys as texts', () => {
  const any = fc.record({
    address: fc.constantFrom('10.0.0.1', '10.0.0.10', '10.0.0.2', '2001:db8::1', '2001:db8::10', '2001:db8::'),
    port: fc.oneof(fc.constantFrom(4, 44, 440, 443, 4_400, 44_000, 65_535), fc.integer({ min: 1, max: 65_535 })),
    protocol: fc.constantFrom('TCP' as const, 'UDP' as const),
    hosts: fc.constantFrom([], [], ['a.example'], ['a.example', 'b.example'], ['*.a.example'], ['a.example.org']),
  })
  fc.assert(
    fc.property(fc.uniqueArray(any.map(frontend), { selector: frontendKey, maxLength: 30 }), (all) => {
      assert.deepEqual(sortFrontends(all).map(frontendKey), all.map(frontendKey).toSorted(compareText))
    }),
    runs(300),
  )
})

test('groups that no frontend uses are left out, and the arguments are left alone', () => {
  const frontends = [frontend({ port: 80 }), frontend({ port: 443 })]
  const table = makeTable(frontends, [
    { id: 'unused', targets: [] },
    { id: 'nodes', targets: [] },
  ])
  assert.deepEqual(table.groups, [{ id: 'nodes', targets: [] }])
  assert.deepEqual(
    frontends.map(({ port }) => port),
    [80, 443],
  )
})

test('frontends are taken out by key, with the groups that they alone used', () => {
  const table = makeTable(
    [frontend({ port: 80, group: 'mine' }), frontend()],
    [
      { id: 'mine', targets: [] },
      { id: 'nodes', targets: [] },
    ],
  )
  const rest = withoutFrontends(table, new Set(['tcp/203.0.113.10:80', 'tcp/203.0.113.99:1']))
  assert.deepEqual(rest, makeTable([frontend()], [{ id: 'nodes', targets: [] }]))
  assert.equal(withoutFrontends(table, new Set()), table)
})

test('texts compare by code unit, the same in every locale', () => {
  assert.deepEqual(['b', 'B', 'a', 'ä'].toSorted(compareText), ['B', 'a', 'b', 'ä'])
  assert.equal(compareText('a', 'a'), 0)
  assert.equal(serviceName({ namespace: 'team-a', name: 'web' }), 'team-a/web')
})
