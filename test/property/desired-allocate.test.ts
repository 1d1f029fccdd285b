import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import type { Allocation } from '../../src/desired/allocate.ts'
import { portText, recordOf } from '../../src/desired/record.ts'
import type { ClassRules } from '../../src/desired/spec.ts'
import type { ServiceObject } from '../../src/kube/objects.ts'
import { familyOf } from '../../src/model/address.ts'
import { coversHost, hostsOverlap } from '../../src/model/hosts.ts'
import { socketKey } from '../../src/model/table.ts'
import { allocated, recorded } from '../support/allocations.ts'
import { pool, runs, service } from '../support/builders.ts'
import { freshWorld, newcomer, pools, quota, settledWorld, type World, world } from '../support/worlds.ts'

const RUNS = runs(1_000)
const allocate = ({ services, spec }: World) => allocated(services, spec)
const nameOf = ({ demand }: Allocation) => demand.service.metadata.name
const namespaceOf = ({ demand }: Allocation) => demand.service.metadata.namespace

/** What a Service has: no matter who asked for it how. */
const holdings = (all: readonly Allocation[]) =>
  all.map((one) => [nameOf(one), one.addresses, one.ports.map(({ text, hosts }) => [text, hosts])])

interface Given {
  readonly name: string
  readonly socket: string
  readonly hosts: readonly string[]
}

const frontends = (all: readonly Allocation[]): readonly Given[] =>
  all.flatMap((one) =>
    one.addresses.flatMap((address) =>
      one.ports.map((port) => ({ name: nameOf(one), socket: socketKey({ ...port, address }), hosts: port.hosts })),
    ),
  )

describe('in every world', () => {
  test('the result, with all that is told, does not depend on the order of the Services', () => {
    const shuffled = world.chain((one) =>
      fc.record({
        one: fc.constant(one),
        other: fc.shuffledSubarray([...one.services], { minLength: one.services.length }),
      }),
    )
    fc.assert(
      fc.property(shuffled, ({ one, other }) => assert.deepEqual(allocate({ ...one, services: other }), allocate(one))),
      RUNS,
    )
  })

  test('no socket is given twice, unless the hosts tell who is meant; the configuration has what is its own', () => {
    fc.assert(
      fc.property(world, (one) => {
        const fixed = one.spec.fixed.flatMap(({ name, addresses, settings, ...socket }) =>
          addresses.map((address) => ({
            name,
            socket: socketKey({ ...socket, address }),
            hosts: settings['hosts']?.split(',') ?? [],
          })),
        )
        const bySocket = Map.groupBy([...fixed, ...frontends(allocate(one))], ({ socket }) => socket)
        for (const [socket, all] of bySocket) {
          for (const [at, given] of all.entries()) {
            const rival = all.slice(0, at).find((other) => hostsOverlap(other.hosts, given.hosts))
            assert.equal(rival, undefined, `${socket} is ${rival?.name}'s and ${given.name}'s`)
          }
        }
      }),
      RUNS,
    )
  })

  test('nobody is given what was not asked for, or what the class keeps for others', () => {
    fc.assert(
      fc.property(world, (one) => {
        for (const given of allocate(one)) {
          const { service: of, record } = given.demand
          const before = new Map(record?.ports.map((port) => [port.text, port.hosts]))
          const asked = new Set(of.spec.ports.map((port) => portText(port.port, port.protocol as 'TCP')))
          const hosts = of.metadata.annotations['fairway.dev/hosts']?.split(',') ?? []
          for (const port of given.ports) {
            assert.ok(asked.has(port.text) || before.has(port.text))
            for (const host of port.hosts) assert.ok(hosts.includes(host) || before.get(port.text)?.includes(host))
            assert.ok(port.hosts.length > 0 || hosts.length === 0 || port.protocol === 'UDP')
            assert.ok(isAllowed(port, namespaceOf(given), one.spec.rules))
          }
        }
      }),
      RUNS,
    )
  })

  test('a namespace has no more frontends than its quota, or than it had', () => {
    fc.assert(
      fc.property(settledWorld, quota, (one, limits) => {
        const spec = { ...one.spec, rules: { ...one.spec.rules, quota: limits } }
        for (const [namespace, all] of Map.groupBy(allocate({ ...one, spec }), namespaceOf)) {
          const had = all.reduce(
            (sum, { demand: { record } }) => sum + (record?.addresses.length ?? 0) * (record?.ports.length ?? 0),
            0,
          )
          const limit = limits.get(namespace) ?? limits.get('*') ?? Number.POSITIVE_INFINITY
          assert.ok(frontends(all).length <= Math.max(limit, had))
        }
      }),
      RUNS,
    )
  })
})

function isAllowed(
  { port, hosts }: { readonly port: number; readonly hosts: readonly string[] },
  namespace: string,
  { deniedPorts, reservedPorts, reservedHosts }: ClassRules,
): boolean {
  const isOthers = (host: string) =>
    [...reservedHosts].some(
      ([pattern, namespaces]) =>
        !namespaces.includes(namespace) &&
        (coversHost(host, pattern) || (coversHost(pattern, host) && !reservedHosts.get(host)?.includes(namespace))),
    )
  return !deniedPorts.has(port) && reservedPorts.get(port)?.includes(namespace) !== false && !hosts.some(isOthers)
}

test('who shares an address agrees to it', () => {
  fc.assert(
    fc.property(freshWorld, (one) => {
      const users = new Map<string, ServiceObject[]>()
      for (const { addresses, demand: of } of allocate(one)) {
        for (const address of addresses) users.set(address, [...(users.get(address) ?? []), of.service])
      }
      for (const together of users.values()) {
        const sharing = new Set(together.map(({ metadata }) => metadata.annotations['fairway.dev/sharing'] ?? 'any'))
        const namespaces = new Set(together.map(({ metadata }) => metadata.namespace))
        assert.ok(together.length === 1 || !sharing.has('dedicated'))
        assert.ok(namespaces.size === 1 || !sharing.has('namespace'))
      }
    }),
    RUNS,
  )
})

describe('what is served stays', () => {
  test('whatever the pools are now, unless its Service asks for another address or gives up the family', () => {
    fc.assert(
      fc.property(freshWorld, pools, ({ services, spec }, later) => {
        const before = recorded(services, spec)
        for (const { demand: of, addresses, ports } of allocated(before, { ...spec, pools: later })) {
          const requested = new Set(of.addresses.map(familyOf))
          const stays = (of.record?.addresses ?? []).filter(
            (address) => !requested.has(familyOf(address)) && of.families.includes(familyOf(address)),
          )
          assert.deepEqual(
            stays.filter((address) => !addresses.includes(address)),
            [],
          )
          const hosts = new Map(ports.map((port) => [port.text, port.hosts]))
          for (const port of of.record?.ports ?? [])
            assert.deepEqual(
              port.hosts.filter((host) => hosts.get(port.text)?.includes(host)),
              port.hosts,
            )
        }
      }),
      RUNS,
    )
  })

  test('when it is recorded and allocated again: the second run over the first gives the same', () => {
    fc.assert(
      fc.property(freshWorld, ({ services, spec }) => {
        const once = recorded(services, spec)
        assert.deepEqual(holdings(allocated(once, spec)), holdings(allocated(services, spec)))
      }),
      RUNS,
    )
  })

  test('a while after the pools were edited: who moves leaves room, which somebody takes, and that is that', () => {
    fc.assert(
      fc.property(settledWorld, ({ services, spec }) => {
        const passes = [services]
        while (passes.length < 6) passes.push(recorded(passes.at(-1) ?? [], spec))
        assert.deepEqual(passes.at(-1)?.map(recordOf), passes.at(-2)?.map(recordOf))
      }),
      RUNS,
    )
  })

  test('when somebody comes', () => {
    fc.assert(
      fc.property(freshWorld, newcomer, ({ services, spec }, another) => {
        const settled = recorded(services, spec)
        const after = recorded([another, ...settled], spec).slice(1)
        assert.deepEqual(after.map(recordOf), settled.map(recordOf))
      }),
      RUNS,
    )
  })
})

test('a free port is found wherever there is one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('80', '443'), { maxLength: 12 }),
      fc.integer({ min: 1, max: 8 }),
      (ports, size) => {
        const all = ports.map((port, index) => service(`s${index}`, { ports: [port] }))
        const got = allocated(all, [pool('main', [`10.0.0.1-10.0.0.${size}`])]).filter(
          ({ addresses }) => addresses.length > 0,
        )
        const fitting = ['80', '443'].map((port) => Math.min(size, ports.filter((one) => one === port).length))
        assert.equal(
          got.length,
          fitting.reduce((sum, count) => sum + count, 0),
        )
      },
    ),
    runs(100),
  )
})
