import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import type { NodeObject } from '../../src/kube/objects.ts'
import type { Table, Target } from '../../src/model/table.ts'
import { desire, node, runs, service } from '../support/builders.ts'

/** Enough to fall into most of the 64 shards. */
const SERVICES = Array.from({ length: 100 }, (_, index) => service(`s${index}`, { ports: [String(1_000 + index)] }))
const RUNS = runs(100)

const numbers = fc.uniqueArray(fc.nat(250), { minLength: 2, maxLength: 30 })
const most = fc.integer({ min: 1, max: 12 })

const nodeOf = (number: number, wishes = {}): NodeObject =>
  node(`node-${number}`, [`InternalIP 10.0.0.${number}`], wishes)
const tableOf = (nodes: readonly NodeObject[], maxTargets: number): Table =>
  desire(SERVICES, { maxTargets }, { nodes }).table

/** Names of the targets of each group. */
const membersOf = ({ groups }: Table): ReadonlyMap<string, ReadonlySet<string>> =>
  new Map(groups.map(({ id, targets }) => [id, new Set(targets.map(({ name }) => name))]))

const plain = ({ name, address }: Target) => ({ name, address })

describe('maxTargets', () => {
  test('gives each group so many nodes, or all there are, whatever their order', () => {
    fc.assert(
      fc.property(numbers, most, (some, limit) => {
        const nodes = some.map((number) => nodeOf(number))
        const table = tableOf(nodes, limit)
        for (const { targets } of table.groups) assert.equal(targets.length, Math.min(limit, nodes.length))
        assert.deepEqual(tableOf(nodes.toReversed(), limit), table)
      }),
      RUNS,
    )
  })

  test('a node that goes is replaced by one other where it was, and nothing else changes', () => {
    fc.assert(
      fc.property(numbers, most, fc.nat(), (some, limit, pick) => {
        const gone = some[pick % some.length] ?? 0
        const rest = some.filter((number) => number !== gone)
        const before = membersOf(
          tableOf(
            some.map((number) => nodeOf(number)),
            limit,
          ),
        )
        const after = membersOf(
          tableOf(
            rest.map((number) => nodeOf(number)),
            limit,
          ),
        )
        for (const [id, had] of before) {
          const has = after.get(id) ?? new Set()
          const left = had.difference(has)
          assert.deepEqual([...left], had.has(`node-${gone}`) ? [`node-${gone}`] : [])
          assert.equal(has.difference(had).size, limit <= rest.length ? left.size : 0)
        }
      }),
      RUNS,
    )
  })

  test('a node that is about to go is relieved by the one that will replace it, and stays beside it, marked', () => {
    fc.assert(
      fc.property(numbers, most, fc.nat(), (some, limit, pick) => {
        const gone = some[pick % some.length] ?? 0
        const rest = some.filter((number) => number !== gone).map((number) => nodeOf(number))
        const leaving = nodeOf(gone, { deletionTimestamp: '2026-01-01T00:00:00Z' })
        const before = membersOf(tableOf([...rest, nodeOf(gone)], limit))
        const after = new Map(tableOf(rest, limit).groups.map(({ id, targets }) => [id, targets]))
        for (const { id, targets } of tableOf([...rest, leaving], limit).groups) {
          const staying = targets.filter(({ draining }) => draining === undefined)
          assert.deepEqual(staying, after.get(id)?.map(plain))
          const marked = targets.filter(({ draining }) => draining === 'leaving').map(({ name }) => name)
          assert.deepEqual(marked, before.get(id)?.has(`node-${gone}`) ? [`node-${gone}`] : [])
        }
      }),
      RUNS,
    )
  })
})
