import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { CHECK_DEFAULTS } from '../../src/model/checks.ts'
import type { Abilities, Capabilities } from '../../src/model/driver.ts'
import { type Frontend, frontendKey, makeTable, type Table, type TargetGroup } from '../../src/model/table.ts'
import { fitTable } from '../../src/plan/capabilities.ts'
import { frontend, runs } from '../support/builders.ts'

const BALANCES = ['round-robin', 'least-connections', 'source', 'random'] as const
const PROTOCOLS = ['TCP', 'UDP'] as const
const VERSIONS = ['off', 'v1', 'v2'] as const

const abilities: fc.Arbitrary<Abilities> = fc.record({
  proxyProtocol: fc.subarray([...VERSIONS]),
  balance: fc.subarray([...BALANCES]),
  healthCheck: fc.subarray(['tcp' as const, 'http' as const]),
  checkPort: fc.boolean(),
  checkThresholds: fc.boolean(),
  affinityTimeout: fc.boolean(),
  drain: fc.boolean(),
  sourceRanges: fc.boolean(),
  hosts: fc.boolean(),
  maxConnections: fc.boolean(),
  idleTimeout: fc.boolean(),
})

const capabilities: fc.Arbitrary<Capabilities> = fc.record({
  TCP: fc.option(abilities, { nil: undefined }),
  UDP: fc.option(abilities, { nil: undefined }),
})

const check = fc.record({
  kind: fc.constantFrom('tcp' as const, 'http' as const),
  port: fc.constantFrom(undefined, 10_256),
  intervalMs: fc.constantFrom(CHECK_DEFAULTS.intervalMs, 1_000),
  timeoutMs: fc.constant(CHECK_DEFAULTS.timeoutMs),
  rise: fc.constantFrom(CHECK_DEFAULTS.rise, 7),
  fall: fc.constantFrom(CHECK_DEFAULTS.fall, 7),
  derived: fc.boolean(),
})

/** Mostly what goes without saying, so that a table is not refused as a whole. */
function rarely<T>(usual: T, value: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ arbitrary: fc.constant(usual), weight: 4 }, { arbitrary: value, weight: 1 })
}

const wishes = fc.record({
  port: fc.integer({ min: 1, max: 20 }),
  protocol: fc.constantFrom(...PROTOCOLS),
  group: fc.constantFrom('a', 'b'),
  proxyProtocol: rarely('off', fc.constantFrom(...VERSIONS)),
  balance: rarely('round-robin', fc.constantFrom(...BALANCES)),
  healthCheck: rarely(undefined, check),
  affinityMs: rarely(undefined, fc.constant(1_000)),
  idleTimeoutMs: rarely(undefined, fc.constant(1_000)),
  maxConnections: rarely(undefined, fc.constant(1)),
  sourceRanges: rarely<readonly string[]>([], fc.constant(['10.0.0.0/8'])),
  hosts: rarely<readonly string[]>([], fc.constant(['a.example'])),
})

const targets = fc
  .array(fc.constantFrom(undefined, 'cordoned' as const, 'leaving' as const), { maxLength: 3 })
  .map((all) =>
    all.map((draining, index) => ({
      name: `n${index}`,
      address: `10.0.0.${index}`,
      ...(draining === undefined ? {} : { draining }),
    })),
  )

const table: fc.Arbitrary<Table> = fc
  .record({
    all: fc.uniqueArray(
      wishes.map((one) => frontend(one)),
      { selector: frontendKey, maxLength: 8 },
    ),
    a: targets,
    b: targets,
  })
  .map(({ all, a, b }) =>
    makeTable(all, [
      { id: 'a', targets: a },
      { id: 'b', targets: b },
    ]),
  )

/** Whether a proxy can do a frontend to the letter. */
function canServe(one: Frontend, { [one.protocol]: can }: Capabilities): boolean {
  const { healthCheck: asked } = one
  if (can === undefined) return false
  const usualThresholds = asked?.rise === CHECK_DEFAULTS.rise && asked.fall === CHECK_DEFAULTS.fall
  return [
    one.proxyProtocol === 'off' || can.proxyProtocol.includes(one.proxyProtocol),
    can.balance.includes(one.balance),
    asked === undefined || can.healthCheck.includes(asked.kind),
    asked?.port === undefined || can.checkPort,
    asked === undefined || usualThresholds || can.checkThresholds,
    one.affinityMs === undefined || can.affinityTimeout,
    one.sourceRanges.length === 0 || can.sourceRanges,
    one.hosts.length === 0 || can.hosts,
    one.maxConnections === undefined || can.maxConnections,
    one.idleTimeoutMs === undefined || can.idleTimeout,
  ].every(Boolean)
}

function withoutDerived(one: Frontend): Frontend {
  return { ...one, affinityMs: undefined, ...(one.healthCheck?.derived === true ? { healthCheck: undefined } : {}) }
}

function drains({ targets: all }: TargetGroup): boolean {
  return all.some(({ draining }) => draining !== undefined)
}

test('a fitted table has nothing that the proxy cannot do, and all that it can', () => {
  fc.assert(
    fc.property(table, capabilities, (wanted, can) => {
      const { table: fitted, refusals } = fitTable(wanted, 'edge-1', can)
      assert.ok(fitted.frontends.every((one) => canServe(one, can)))
      const served = wanted.frontends.filter((one) => canServe(withoutDerived(one), can)).map(frontendKey)
      assert.deepEqual(fitted.frontends.map(frontendKey), served)
      assert.deepEqual(
        [...served, ...refusals.map(({ key }) => key)].toSorted(),
        wanted.frontends.map(frontendKey).toSorted(),
      )
    }),
    runs(1_000),
  )
})

test('what is asked for and served is served as it was asked for; what is derived stays where it can', () => {
  fc.assert(
    fc.property(table, capabilities, (wanted, can) => {
      const asked = new Map(wanted.frontends.map((one) => [frontendKey(one), one]))
      for (const after of fitTable(wanted, 'edge-1', can).table.frontends) {
        const before = asked.get(frontendKey(after))
        assert.ok(before)
        assert.deepEqual(withoutDerived(after), withoutDerived(before))
        if (canServe(before, can)) assert.equal(after, before)
      }
    }),
    runs(1_000),
  )
})

test('targets drain only where they can and never all of them, and no group is emptied', () => {
  fc.assert(
    fc.property(table, capabilities, (wanted, can) => {
      for (const group of fitTable(wanted, 'edge-1', can).table.groups) {
        const before = wanted.groups.find(({ id }) => id === group.id)
        assert.ok(before)
        if (!drains(before)) assert.equal(group, before)
        assert.equal(group.targets.length > 0, before.targets.length > 0)
        const canDrain = can.TCP?.drain === true || can.UDP?.drain === true
        assert.ok(!drains(group) || (canDrain && group.targets.some(({ draining }) => draining === undefined)))
      }
    }),
    runs(1_000),
  )
})

test('fitting twice is fitting once', () => {
  fc.assert(
    fc.property(table, capabilities, (wanted, can) => {
      const once = fitTable(wanted, 'edge-1', can).table
      const twice = fitTable(once, 'edge-1', can)
      assert.equal(twice.table, once)
      assert.deepEqual(twice.refusals, [])
    }),
    runs(1_000),
  )
})
