import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { indexPools, siteName } from '../../../src/desired/pool-index.ts'
import { candidatePools, hasFamily, isOpen, poolAddresses, poolOf } from '../../../src/desired/pools.ts'
import { pool } from '../../support/builders.ts'

const MIXED = pool('mixed', ['203.0.113.254-203.0.114.1', '2001:db8::/127', '198.51.100.1'])
const CAREFUL = { ...MIXED, avoidEdgeAddresses: true }

describe('pools', () => {
  test('give their addresses in the order of their ranges, lowest first', () => {
    const all = ['203.0.113.254', '203.0.113.255', '203.0.114.0', '203.0.114.1', '198.51.100.1']
    assert.deepEqual([...poolAddresses(MIXED, 'IPv4')], all)
    assert.deepEqual([...poolAddresses(MIXED, 'IPv6')], ['2001:db8::', '2001:db8::1'])
  })

  test('avoid .0 and .255 on request, in IPv4', () => {
    assert.deepEqual([...poolAddresses(CAREFUL, 'IPv4')], ['203.0.113.254', '203.0.114.1', '198.51.100.1'])
    assert.deepEqual([...poolAddresses(CAREFUL, 'IPv6')], ['2001:db8::', '2001:db8::1'])
    assert.deepEqual([poolOf([MIXED], '203.0.113.255')?.name, poolOf([CAREFUL], '203.0.113.255')], ['mixed', undefined])
  })

  test('know their families and their addresses', () => {
    const v6 = pool('v6', ['::/0'])
    assert.deepEqual([hasFamily(v6, 'IPv6'), hasFamily(v6, 'IPv4')], [true, false])
    const owners = ['::1', '203.0.113.254', '203.0.114.1', '203.0.114.2', '203.0.113.253', '192.0.2.1']
    assert.deepEqual(
      owners.map((address) => poolOf([MIXED, v6], address)?.name),
      ['v6', 'mixed', 'mixed', undefined, undefined, undefined],
    )
  })

  test('are for everybody, or for some namespaces', () => {
    const theirs = pool('theirs', ['::1'], { namespaces: ['team-a'] })
    assert.deepEqual(
      [isOpen(MIXED, 'default'), isOpen(theirs, 'team-a'), isOpen(theirs, 'default')],
      [true, true, false],
    )
  })

  test('are tried by priority, 0 last; a named one alone, and without autoAssign too', () => {
    const pools = [
      pool('zero', ['::1']),
      pool('nine', ['::2'], { priority: 9 }),
      pool('one', ['::3'], { priority: 1 }),
      pool('manual', ['::4'], { autoAssign: false }),
      pool('theirs', ['::5'], { namespaces: ['team-a'], priority: 5 }),
    ]
    const names = (namespace: string, named?: string) => candidatePools(pools, namespace, named).map(({ name }) => name)
    assert.deepEqual(names('default'), ['one', 'nine', 'zero'])
    assert.deepEqual(names('team-a'), ['one', 'theirs', 'nine', 'zero'])
    assert.deepEqual(
      [names('default', 'manual'), names('default', 'theirs'), names('default', 'x')],
      [['manual'], [], []],
    )
  })
})

describe('sites', () => {
  const edge1 = pool('edge-1', ['203.0.113.1'], { proxies: ['p1'] })
  const edge2 = pool('edge-2', ['203.0.113.2', '2001:db8::2'], { proxies: ['p2'] })
  const index = indexPools([
    MIXED,
    edge1,
    edge2,
    pool('late', ['192.0.2.1']),
    pool('manual', ['::1'], { autoAssign: false }),
  ])
  const sites = (namespace: string, named?: string) =>
    index.sites(namespace, named).map((site) => [site.name, ...site.pools.map(({ name }) => name)])

  test('are each pool that names its proxies, and all others together; first those with both families', () => {
    assert.deepEqual(sites('default'), [
      ['', 'mixed', 'late'],
      ['edge-2', 'edge-2'],
      ['edge-1', 'edge-1'],
    ])
  })

  test('are one for who names a pool, and one without pools where there is none', () => {
    assert.deepEqual([sites('default', 'edge-1'), sites('default', 'manual')], [[['', 'edge-1']], [['', 'manual']]])
    assert.deepEqual(
      [sites('default', 'absent'), indexPools([]).sites('default', undefined)],
      [[['']], [{ name: '', pools: [] }]],
    )
  })

  test('of an address are those of its pool', () => {
    const names = ['203.0.113.1', '2001:db8::2', '192.0.2.1', '192.0.2.99'].map((address) =>
      siteName(index.poolOf(address), undefined),
    )
    assert.deepEqual(names, ['edge-1', 'edge-2', '', ''])
    assert.equal(siteName(edge1, 'edge-2'), '')
  })

  test('are asked for addresses one by one, as far as there are any', () => {
    const at = [0, 3, 1, 4, 5].map((place) => index.addressAt(MIXED, 'IPv4', place))
    assert.deepEqual(at, ['203.0.113.254', '203.0.114.1', '203.0.113.255', '198.51.100.1', undefined])
    const endless = pool('endless', ['2001:db8::/32'])
    assert.equal(indexPools([endless]).addressAt(endless, 'IPv6', 2), '2001:db8::2')
  })
})
