import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseConfig } from '../../src/config/load.ts'
import { matchesSelector, parseSelector } from '../../src/desired/label-selector.ts'
import { formatRecord, parseRecord } from '../../src/desired/record.ts'
import {
  addressNumber,
  canonicalAddress,
  canonicalCidr,
  type Family,
  familyOf,
  inRange,
  numberAddress,
  parseRange,
} from '../../src/model/address.ts'
import { FairwayError } from '../../src/model/problems.ts'
import { rangeOf, runs } from '../support/builders.ts'

const v4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((value) => ({ family: 'IPv4' as Family, bits: 32n, value }))
// IPv4-mapped addresses have no canonical form of their own.
const v6 = fc
  .bigInt({ min: 0n, max: 2n ** 128n - 1n })
  .filter((value) => value >> 32n !== 0xffffn)
  .map((value) => ({ family: 'IPv6' as Family, bits: 128n, value }))
const number = fc.oneof(v4, v6)
const address = number.map(({ family, value }) => numberAddress(family, value))

test('an address is its number, and its canonical text the only one that it reads as', () => {
  fc.assert(
    fc.property(number, ({ family, value }) => {
      const text = numberAddress(family, value)
      assert.deepEqual([canonicalAddress(text), addressNumber(text), familyOf(text)], [text, value, family])
      assert.equal(canonicalAddress(text.toUpperCase()), text)
    }),
    runs(200),
  )
})

test('a range reads as what was written: as first-last, as a CIDR, as one address', () => {
  fc.assert(
    fc.property(number, number, fc.nat(128), (one, two, length) => {
      const [a, b] = [numberAddress(one.family, one.value), numberAddress(two.family, two.value)]
      const range = parseRange(`${a}-${b}`)
      if (one.family !== two.family || one.value > two.value) assert.equal(range, undefined)
      else assert.deepEqual(range, { family: one.family, first: one.value, last: two.value, text: `${a}-${b}` })
      const prefix = BigInt(length) % (one.bits + 1n)
      const size = 1n << (one.bits - prefix)
      const first = one.value - (one.value % size)
      const cidr = `${numberAddress(one.family, first)}/${prefix}`
      assert.deepEqual(parseRange(cidr), { family: one.family, first, last: first + size - 1n, text: cidr })
      assert.equal(parseRange(`${a}/${prefix}`) === undefined, first !== one.value)
      assert.equal(canonicalCidr(`${a}/${prefix}`), cidr)
      assert.ok(inRange(rangeOf(cidr), a) && inRange(rangeOf(a), a))
    }),
    runs(200),
  )
})

test('a record reads as what was written', () => {
  const port = fc.record({ number: fc.integer({ min: 1, max: 65_535 }), protocol: fc.constantFrom('TCP', 'UDP') })
  const label = fc.stringMatching(/^[a-z0-9]{1,8}$/)
  const host = fc.tuple(fc.boolean(), fc.array(label, { minLength: 1, maxLength: 3 }))
  const hosts = fc.array(
    host.map(([any, labels]) => `${any ? '*.' : ''}${labels.join('.')}`),
    { maxLength: 3 },
  )
  const record = fc.record(
    {
      className: fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/),
      addresses: fc.uniqueArray(address, { minLength: 1, maxLength: 5 }),
      ports: fc.array(
        fc.tuple(port, hosts).map(([{ protocol, ...socket }, names]) => ({
          text: `${socket.number}/${protocol}`,
          hosts: protocol === 'TCP' ? names : [],
        })),
        { maxLength: 5 },
      ),
    },
    { noNullPrototype: true },
  )
  fc.assert(
    fc.property(record, (one) => assert.deepEqual(parseRecord(formatRecord(one)), one)),
    runs(200),
  )
})

test('no text makes a reader throw, and what is read of an address is an address', () => {
  const hostile = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.string({ unit: fc.constantFrom(...'0123456789abf:./-%,=!() {};\n'.split('')), maxLength: 60 }),
  )
  fc.assert(
    fc.property(hostile, (text) => {
      const read = canonicalAddress(text)
      if (read !== undefined) assert.match(read, /^[0-9a-f.:]+$/)
      const range = parseRange(text)
      assert.ok(range === undefined || range.first <= range.last)
      const cidr = canonicalCidr(text)
      if (cidr !== undefined) assert.equal(canonicalCidr(cidr), cidr)
      parseRecord(text)
      const selector = parseSelector(text)
      if (selector !== undefined) assert.equal(typeof matchesSelector(selector, { a: 'b' }), 'boolean')
    }),
    runs(1_000),
  )
})

test('no file makes the configuration throw anything but ConfigInvalid, with a line for each mistake', () => {
  const line = fc.constantFrom(
    'cluster: a',
    'classes:',
    '  - name: b',
    '    pools: [x]',
    '    default: yes',
    '- &a [*a]',
    '  *b : c',
    'guard: {',
    '}',
    '"',
    '"a\\nb": 2',
    '<<: *a',
    '---',
    '!!set {a}',
    '\t',
  )
  const text = fc.oneof(
    fc.string({ maxLength: 80 }),
    fc.array(line, { maxLength: 8 }).map((lines) => lines.join('\n')),
  )
  fc.assert(
    fc.property(text, (one) => {
      try {
        parseConfig(one, 'f.yaml')
      } catch (error) {
        assert.ok(error instanceof FairwayError, String(error))
        assert.equal(error.problem.code, 'ConfigInvalid')
        for (const part of error.problem.message.split('\n')) assert.match(part, /^f\.yaml:\d+: /)
      }
    }),
    runs(300),
  )
})
