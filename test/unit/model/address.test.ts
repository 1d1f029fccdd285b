import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  addressNumber,
  canonicalAddress,
  canonicalCidr,
  familyOf,
  hostPort,
  inRange,
  isForwardable,
  numberAddress,
  parseRange,
  rangesOverlap,
} from '../../../src/model/address.ts'
import { rangeOf } from '../../support/builders.ts'

const CANONICAL: readonly (readonly [text: string, canonical: string | undefined, why: string])[] = [
  ['203.0.113.10', '203.0.113.10', 'IPv4 as it is'],
  ['0.0.0.0', '0.0.0.0', 'the unspecified address is an address'],
  ['203.0.113.010', undefined, 'leading zeros: octal to some readers, decimal to others'],
  ['203.0.113', undefined, 'shorthand'],
  ['10.1', undefined, 'shorthand'],
  ['3405803786', undefined, 'an address as one number'],
  ['0xcb.0.113.10', undefined, 'hexadecimal'],
  ['203.0.113.256', undefined, 'out of range'],
  [' 203.0.113.10', undefined, 'a space before it'],
  ['203.0.113.10\n', undefined, 'a line end after it'],
  ['203.0.113.10/32', undefined, 'a prefix'],
  ['203.0.113.10:80', undefined, 'a port'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1', 'RFC 5952: lower case, longest run of zeros shortened'],
  ['2001:0db8::0001', '2001:db8::1', 'RFC 5952: no leading zeros'],
  ['2001:db8::1:0:0:1', '2001:db8::1:0:0:1', 'RFC 5952: the first of two equal runs'],
  ['::', '::', 'the unspecified address'],
  ['::ffff:203.0.113.10', undefined, 'IPv4-mapped: a second name for an IPv4 socket'],
  ['::ffff:cb00:710a', undefined, 'IPv4-mapped, in hexadecimal'],
  ['fe80::1%eth0', undefined, 'a zone'],
  ['[2001:db8::1]', undefined, 'brackets'],
  ['2001:db8::1::2', undefined, 'two runs'],
  ['2001:db8::/64', undefined, 'a prefix'],
  ['localhost', undefined, 'a name'],
  ['foo;bar', undefined, 'what the API server accepts as a node address'],
  ['', undefined, 'nothing'],
]

describe('canonicalAddress', () => {
  for (const [text, canonical, why] of CANONICAL) {
    test(`${JSON.stringify(text)} reads as ${canonical}: ${why}`, () => assert.equal(canonicalAddress(text), canonical))
  }
})

const RANGES: readonly (readonly [text: string, first: string | undefined, last: string, why: string])[] = [
  ['203.0.113.10', '203.0.113.10', '203.0.113.10', 'one address'],
  ['203.0.113.10-203.0.113.20', '203.0.113.10', '203.0.113.20', 'both ends belong to it'],
  ['203.0.113.10 - 203.0.113.20', '203.0.113.10', '203.0.113.20', 'spaces around the dash'],
  ['203.0.113.64/28', '203.0.113.64', '203.0.113.79', 'a CIDR'],
  ['203.0.113.10/32', '203.0.113.10', '203.0.113.10', 'a CIDR of one'],
  ['0.0.0.0/0', '0.0.0.0', '255.255.255.255', 'all of IPv4'],
  ['2001:db8::/120', '2001:db8::', '2001:db8::ff', 'a CIDR of IPv6'],
  ['2001:db8::1-2001:db8::f', '2001:db8::1', '2001:db8::f', 'a range of IPv6'],
  ['203.0.113.65/28', undefined, '', 'host bits are set: a typing error more often than a wish'],
  ['2001:db8::1/120', undefined, '', 'host bits are set'],
  ['203.0.113.0/33', undefined, '', 'a prefix longer than the address'],
  ['2001:db8::/129', undefined, '', 'a prefix longer than the address'],
  ['203.0.113.0/', undefined, '', 'no prefix'],
  ['203.0.113.0/-1', undefined, '', 'a negative prefix'],
  ['203.0.113.0/24/24', undefined, '', 'two prefixes'],
  ['203.0.113.20-203.0.113.10', undefined, '', 'the wrong way round'],
  ['203.0.113.10-2001:db8::1', undefined, '', 'two families'],
  ['203.0.113.10-20', undefined, '', 'shorthand for the last octet'],
  ['203.0.113.10-', undefined, '', 'no end'],
  ['203.0.113.10-203.0.113.20/24', undefined, '', 'a range with a prefix'],
  ['::ffff:203.0.113.0/120', undefined, '', 'IPv4-mapped'],
]

describe('parseRange', () => {
  for (const [text, first, last, why] of RANGES) {
    test(`"${text}" is ${first === undefined ? 'refused' : `${first} to ${last}`}: ${why}`, () => {
      const range = parseRange(text)
      const ends = range && [
        numberAddress(range.family, range.first),
        numberAddress(range.family, range.last),
        range.text,
      ]
      assert.deepEqual(ends, first === undefined ? undefined : [first, last, text])
    })
  }

  test('a range holds its ends, what lies between, and nothing of another family', () => {
    const range = rangeOf('203.0.113.10-203.0.113.12')
    const asked = ['203.0.113.9', '203.0.113.10', '203.0.113.11', '203.0.113.12', '203.0.113.13', '::cb00:710b']
    assert.deepEqual(
      asked.filter((address) => inRange(range, address)),
      ['203.0.113.10', '203.0.113.11', '203.0.113.12'],
    )
  })

  const overlaps: readonly (readonly [string, string, boolean])[] = [
    ['203.0.113.10-203.0.113.12', '203.0.113.12-203.0.113.20', true],
    ['203.0.113.10-203.0.113.12', '203.0.113.13-203.0.113.20', false],
    ['203.0.113.0/24', '203.0.113.77', true],
    ['0.0.0.0/0', '::/0', false],
  ]
  for (const [a, b, shared] of overlaps) {
    test(`${a} and ${b} ${shared ? 'share an address' : 'share none'}, asked either way round`, () => {
      assert.equal(rangesOverlap(rangeOf(a), rangeOf(b)), shared)
      assert.equal(rangesOverlap(rangeOf(b), rangeOf(a)), shared)
    })
  }
})

test('canonicalCidr clears host bits, which Kubernetes accepts in loadBalancerSourceRanges', () => {
  const table: readonly (readonly [string, string | undefined])[] = [
    ['198.51.100.7/24', '198.51.100.0/24'],
    [' 198.51.100.0/24 ', '198.51.100.0/24'],
    ['198.51.100.7/32', '198.51.100.7/32'],
    ['198.51.100.7/0', '0.0.0.0/0'],
    ['2001:DB8::7/64', '2001:db8::/64'],
    ['198.51.100.7', undefined],
    ['198.51.100.7/33', undefined],
    ['198.51.100.7/x', undefined],
    ['198.51.100.7/24/8', undefined],
    ['::ffff:198.51.100.7/120', undefined],
    ['', undefined],
  ]
  assert.deepEqual(
    table.map(([text]) => [text, canonicalCidr(text)]),
    table,
  )
})

test('packets may not be sent to the proxy itself or to nobody', () => {
  const refused = ['127.0.0.1', '127.9.9.9', '169.254.1.1', '224.0.0.1', '0.0.0.0', '255.255.255.255']
  const refusedToo = ['::1', '::', 'fe80::1', 'ff02::1']
  const allowed = ['10.0.0.1', '192.168.1.1', '203.0.113.1', '100.64.0.1', 'fd00::1', '2001:db8::1']
  assert.deepEqual([...refused, ...refusedToo, ...allowed].filter(isForwardable), allowed)
})

test('addresses as numbers, families, and host with port', () => {
  assert.equal(addressNumber('0.0.1.2'), 258n)
  assert.equal(addressNumber('::1:0'), 65_536n)
  assert.equal(numberAddress('IPv4', 258n), '0.0.1.2')
  assert.equal(numberAddress('IPv6', 258n), '::102')
  assert.deepEqual(['203.0.113.1', '::1'].map(familyOf), ['IPv4', 'IPv6'])
  assert.equal(hostPort('203.0.113.1', 443), '203.0.113.1:443')
  assert.equal(hostPort('2001:db8::1', 443), '[2001:db8::1]:443')
})
