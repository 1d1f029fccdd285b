import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { matchesSelector, parseSelector } from '../../../src/desired/label-selector.ts'
import {
  candidatePools,
  firstAddress,
  hasFamily,
  isAvoided,
  poolAddresses,
  poolOf,
} from '../../../src/desired/pools.ts'
import { formatRecord, parseRecord, recordOf } from '../../../src/desired/record.ts'
import { allocatedCondition, held, pool, service } from '../../support/builders.ts'

describe('label selectors', () => {
  const LABELS = { role: 'edge', zone: 'a', 'example.org/tier': '1', empty: '' }
  const table: readonly (readonly [selector: string, matches: boolean | undefined])[] = [
    ['', true],
    [' ', true],
    ['role=edge', true],
    ['role==edge', true],
    ['role = edge', true],
    ['role=core', false],
    ['role!=edge', false],
    ['role!=core', true],
    ['absent!=x', true],
    ['role in (edge,core)', true],
    ['role in (core)', false],
    ['absent in (x)', false],
    ['zone notin (a,b)', false],
    ['zone notin (b, c)', true],
    ['absent notin (x)', true],
    ['role', true],
    ['absent', false],
    ['!role', false],
    ['!absent', true],
    ['! absent', true],
    ['empty=', true],
    ['role=', false],
    ['example.org/tier=1', true],
    ['role=edge,zone=a,!absent', true],
    ['role=edge,zone=b', false],
    ['role in (edge,core),zone notin (b)', true],
    ['toString', false],
    ['!toString', true],
    ['toString=x', false],
    [',', undefined],
    ['role=edge,', undefined],
    ['=edge', undefined],
    ['role in edge', undefined],
    ['role in (edge', undefined],
    ['role in (edge))', undefined],
    ['role in ((edge))', undefined],
    ['role in (ed ge)', undefined],
    ['role=edge core', undefined],
    ['role>1', undefined],
    ['-role', undefined],
    ['role={env.HOME}', undefined],
    ['role=a;b', undefined],
  ]
  for (const [text, expected] of table) {
    test(`"${text}" ${expected === undefined ? 'is malformed' : expected ? 'matches' : 'does not match'}`, () => {
      const selector = parseSelector(text)
      assert.equal(selector && matchesSelector(selector, LABELS), expected)
    })
  }

  test('a hostile text is refused at once', () => {
    const hostile = [
      `a in (${Array.from({ length: 500 }, () => 'x').join(',')})!`,
      `a in (${',  '.repeat(400)})!`,
      ','.repeat(200_000),
      'a'.repeat(200_000),
      `a${' '.repeat(1_900)}!`,
    ]
    const start = performance.now()
    assert.deepEqual(
      hostile.map(parseSelector),
      hostile.map(() => undefined),
    )
    assert.ok(performance.now() - start < 500)
  })
})

describe('records', () => {
  const table: readonly (readonly [ReturnType<typeof held>, string])[] = [
    [held('443/TCP', '203.0.113.10'), '203.0.113.10 for ports 443/TCP of class public'],
    [
      held('443/TCP 53/UDP', '2001:db8::1', '203.0.113.10'),
      '2001:db8::1, 203.0.113.10 for ports 443/TCP, 53/UDP of class public',
    ],
    [held('', '203.0.113.10'), '203.0.113.10 for ports none of class public'],
  ]
  for (const [record, message] of table) {
    test(`"${message}"`, () => {
      assert.equal(formatRecord(record), message)
      assert.deepEqual(parseRecord(message), record)
    })
  }

  const foreign = [
    '',
    'Allocated',
    '203.0.113.10 of class public',
    '203.0.113.010 for ports 443/TCP of class public',
    'edge.example for ports 443/TCP of class public',
    '203.0.113.10 for ports 443 of class public',
    '203.0.113.10 for ports 443/SCTP of class public',
    '203.0.113.10 for ports 443/TCP of class public and more',
    '203.0.113.10 for ports 443/TCP of class ',
    '203.0.113.10, 203.0.113.11 for ports 443/TCP of class public',
    '203.0.113.10, 2001:db8::1, 2001:db8::2 for ports 443/TCP of class public',
    '2001:DB8::1 for ports 443/TCP of class public',
    'x 203.0.113.10 for ports 443/TCP of class public',
  ]
  for (const message of foreign) {
    test(`"${message}" is none that we wrote`, () => assert.equal(parseRecord(message), undefined))
  }

  test('only the condition of a granted allocation is one', () => {
    const message = '203.0.113.10 for ports 443/TCP of class public'
    assert.deepEqual(
      recordOf(service('web', { conditions: [allocatedCondition(message)] })),
      held('443/TCP', '203.0.113.10'),
    )
    const others = [
      service('web'),
      service('web', { conditions: [allocatedCondition(message, 'False')] }),
      service('web', { conditions: [{ ...allocatedCondition(message), type: 'fairway.dev/Programmed' }] }),
      // Whoever may edit a Service may set this one.
      service('web', { annotations: { 'external-address': '203.0.113.10' } }),
    ]
    assert.deepEqual(others.map(recordOf), [undefined, undefined, undefined, undefined])
  })
})

describe('pools', () => {
  const mixed = pool('mixed', ['203.0.113.254-203.0.114.1', '2001:db8::/127', '198.51.100.1'])

  test('give their addresses in the order of their ranges, lowest first', () => {
    const all = ['203.0.113.254', '203.0.113.255', '203.0.114.0', '203.0.114.1', '198.51.100.1']
    assert.deepEqual([...poolAddresses(mixed, 'IPv4')], all)
    assert.deepEqual([...poolAddresses(mixed, 'IPv6')], ['2001:db8::', '2001:db8::1'])
    for (const [skip] of all.entries())
      assert.deepEqual([...poolAddresses(mixed, 'IPv4', BigInt(skip))], all.slice(skip))
    assert.deepEqual([...poolAddresses(mixed, 'IPv4', 99n)], [])
  })

  test('avoid .0 and .255 on request, in IPv4', () => {
    const careful = { ...mixed, avoidEdgeAddresses: true }
    const avoided = [...poolAddresses(mixed, 'IPv4')].filter((address) => isAvoided(careful, address))
    assert.deepEqual(avoided, ['203.0.113.255', '203.0.114.0'])
    assert.equal(isAvoided(careful, '2001:db8::'), false)
    assert.equal(isAvoided(mixed, '203.0.113.255'), false)
    assert.deepEqual([poolOf([mixed], '203.0.113.255')?.name, poolOf([careful], '203.0.113.255')], ['mixed', undefined])
  })

  test('know their families and their addresses', () => {
    const v6 = pool('v6', ['::/0'])
    assert.deepEqual([hasFamily(v6, 'IPv6'), hasFamily(v6, 'IPv4'), firstAddress(v6, 'IPv4')], [true, false, undefined])
    assert.equal(firstAddress({ ...pool('p', ['203.0.113.0/24']), avoidEdgeAddresses: true }, 'IPv4'), '203.0.113.1')
    assert.deepEqual([poolOf([mixed, v6], '::1')?.name, poolOf([mixed, v6], '192.0.2.1')], ['v6', undefined])
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
