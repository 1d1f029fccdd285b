import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { allocate } from '../../src/desired/allocate.ts'
import type { Pool } from '../../src/desired/pools.ts'
import { portText, recordOf } from '../../src/desired/record.ts'
import type { ServiceObject } from '../../src/kube/objects.ts'
import { familyOf } from '../../src/model/address.ts'
import { createdAt, demand, pool, recorded, runs, service } from '../support/builders.ts'

const PORTS = ['80', '443', '25', '53', '53/UDP', '443/UDP']
const ADDRESSES = ['203.0.113.10', '203.0.113.11', '203.0.113.0', '198.51.100.1', '2001:db8::1', '192.0.2.1']

const families = fc.constantFrom(
  { ipFamilies: ['IPv4'] as const },
  { ipFamilies: ['IPv6'] as const },
  { ipFamilies: ['IPv4', 'IPv6'] as const, ipFamilyPolicy: 'PreferDualStack' as const },
  { ipFamilies: ['IPv6', 'IPv4'] as const, ipFamilyPolicy: 'RequireDualStack' as const },
)

const annotations = fc.record(
  {
    sharing: fc.constantFrom('any', 'namespace', 'dedicated'),
    address: fc.constantFrom(...ADDRESSES, '203.0.113.11,2001:db8::1'),
    pool: fc.constantFrom('small', 'large', 'absent'),
    families: fc.constantFrom('IPv4', 'IPv6', 'IPv4,IPv6'),
    // Malformed: the Service keeps what it holds.
    balance: fc.constant('fastest'),
  },
  { requiredKeys: [] },
)

const wishes = fc.record({
  namespace: fc.constantFrom('team-a', 'team-b'),
  ports: fc.uniqueArray(fc.constantFrom(...PORTS), { minLength: 1, maxLength: 3 }),
  // Most Services ask for little.
  annotations: fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: annotations }),
  spec: families,
  age: fc.nat(4),
})

const services = fc
  .array(wishes, { maxLength: 12 })
  .map((all) =>
    all.map(({ namespace, age, ...rest }, index) =>
      service(`${namespace}/s${index}`, { ...rest, meta: createdAt(age) }),
    ),
  )

const pools = fc.constantFrom<readonly Pool[]>(
  [pool('small', ['203.0.113.10-203.0.113.11', '2001:db8::/127'])],
  [pool('small', ['203.0.113.10']), pool('large', ['198.51.100.0/29', '2001:db8::/120'], { priority: 1 })],
  [pool('v4', ['203.0.113.10-203.0.113.12']), pool('v6', ['2001:db8::1'])],
  [
    pool('small', ['203.0.113.0/30'], { avoidEdgeAddresses: true, namespaces: ['team-a'] }),
    pool('large', ['198.51.100.1', '2001:db8::1'], { autoAssign: false }),
  ],
  [],
)

/** A world as it is before the first run, or after one over other pools. */
const world = fc
  .record({ fresh: services, pools, earlier: fc.option(pools) })
  .map(({ fresh, pools: now, earlier }) => ({
    services: earlier === null ? fresh : recorded(fresh, earlier),
    pools: now,
  }))

const run = (all: readonly ServiceObject[], from: readonly Pool[]) =>
  allocate(
    all.map((one) => demand(one)),
    from,
  )

test('the result does not depend on the order of the Services', () => {
  const shuffled = world.chain(({ services: all, pools: from }) =>
    fc.record({
      all: fc.constant(all),
      from: fc.constant(from),
      other: fc.shuffledSubarray([...all], { minLength: all.length }),
    }),
  )
  fc.assert(
    fc.property(shuffled, ({ all, from, other }) => assert.deepEqual(run(other, from), run(all, from))),
    runs(150),
  )
})

test('no address, port and protocol is given twice, and none that was not asked for', () => {
  fc.assert(
    fc.property(world, ({ services: all, pools: from }) => {
      const seen = new Map<string, string>()
      for (const { addresses, ports, demand: of } of run(all, from)) {
        const { name } = of.service.metadata
        for (const socket of addresses.flatMap((address) => ports.map(({ text }) => `${address} ${text}`))) {
          assert.equal(seen.get(socket), undefined, `${socket} is given to ${name} too`)
          seen.set(socket, name)
        }
        const own = of.service.spec.ports.map((port) => portText(port.port, port.protocol as 'TCP'))
        const asked = new Set([...own, ...(of.record?.ports ?? [])])
        assert.deepEqual(
          ports.filter(({ text }) => !asked.has(text)),
          [],
        )
      }
    }),
    runs(150),
  )
})

test('who shares an address agrees to it', () => {
  fc.assert(
    fc.property(services, pools, (all, from) => {
      const users = new Map<string, ServiceObject[]>()
      for (const { addresses, demand: of } of run(all, from)) {
        for (const address of addresses) users.set(address, [...(users.get(address) ?? []), of.service])
      }
      for (const together of users.values()) {
        const sharing = new Set(together.map((one) => one.metadata.annotations['fairway.dev/sharing'] ?? 'any'))
        const namespaces = new Set(together.map(({ metadata }) => metadata.namespace))
        assert.ok(together.length === 1 || !sharing.has('dedicated'))
        assert.ok(namespaces.size === 1 || !sharing.has('namespace'))
      }
    }),
    runs(100),
  )
})

test('a recorded address stays, whatever the pools are now, unless its Service asks for another or gives up the family', () => {
  fc.assert(
    fc.property(world, pools, ({ services: all, pools: from }, later) => {
      const before = recorded(all, from)
      for (const { demand: of, addresses, ports } of run(before, later)) {
        const requested = new Set(of.addresses.map(familyOf))
        const stays = (of.record?.addresses ?? []).filter(
          (address) => !requested.has(familyOf(address)) && of.families.includes(familyOf(address)),
        )
        assert.deepEqual(
          stays.filter((address) => !addresses.includes(address)),
          [],
        )
        const texts = new Set(ports.map(({ text }) => text))
        assert.deepEqual(
          (of.record?.ports ?? []).filter((port) => !texts.has(port)),
          [],
        )
      }
    }),
    runs(150),
  )
})

test('allocate, record, allocate: the second run over the first gives the same', () => {
  fc.assert(
    fc.property(services, pools, (all, from) => {
      const once = recorded(all, from)
      assert.deepEqual(recorded(once, from).map(recordOf), once.map(recordOf))
    }),
    runs(150),
  )
})

test('a newcomer moves nobody', () => {
  fc.assert(
    fc.property(services, pools, wishes, (all, from, { namespace, ...rest }) => {
      const settled = recorded(all, from)
      const newcomer = service(`${namespace}/newcomer`, { ...rest, meta: createdAt(0) })
      assert.deepEqual(
        recorded([newcomer, ...settled], from)
          .slice(1)
          .map(recordOf),
        settled.map(recordOf),
      )
    }),
    runs(100),
  )
})

test('a free port is found wherever there is one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('80', '443'), { maxLength: 12 }),
      fc.integer({ min: 1, max: 8 }),
      (ports, size) => {
        const all = ports.map((port, index) => service(`s${index}`, { ports: [port] }))
        const got = run(all, [pool('main', [`10.0.0.1-10.0.0.${size}`])]).filter(
          ({ addresses }) => addresses.length > 0,
        )
        const fitting = ['80', '443'].map((port) => Math.min(size, ports.filter((one) => one === port).length))
        assert.equal(
          got.length,
          fitting.reduce((sum, count) => sum + count, 0),
        )
      },
    ),
    runs(50),
  )
})
