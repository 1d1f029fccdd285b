import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type Arbitration, arbitrate, createBinder, type OwnedTable } from '../../src/edge/arbitrate.ts'
import { ownerName } from '../../src/edge/owners.ts'
import { frontendKey, socketKey } from '../../src/model/table.ts'
import { runs } from '../support/builders.ts'
import { checkState, textOf } from '../support/memory-engine.ts'
import { owner, rules, table } from '../unit/edge/builders.ts'

const OWNERS = ['prod-a/public', 'prod-a/private', 'prod-b/public', 'stage/public']

const RULES = rules({
  publish: new Map([
    ['203.0.113.12', '10.9.9.9'],
    ['203.0.113.13', '*'],
    ['203.0.113.14', '*'],
  ]),
})

/** Few places, so that there is hardly a set of tables without a conflict. */
const place = fc.constantFrom(
  '203.0.113.10',
  '203.0.113.11',
  '203.0.113.12',
  '203.0.113.13',
  '203.0.113.14',
  '[2001:db8::1]',
  '198.51.100.1',
)
const hosts = fc.constantFrom('', '', '#a.example', '#b.example', '#*.example', '#a.example,b.example')
const key = fc
  .tuple(fc.boolean(), place, fc.constantFrom(22, 80, 443), hosts)
  .map(([udp, address, port, names]) => (udp ? `udp/${address}:${port}` : `${address}:${port}${names}`))

const ownedTable = (name: string) =>
  fc
    .tuple(fc.uniqueArray(key, { maxLength: 6 }), fc.subarray(['10.0.0.1', '10.1.0.100', '127.0.0.1']))
    .map(([keys, addresses]): OwnedTable => {
      const targets = addresses.map((address) => ({ name: 'n', address }))
      return { owner: owner(name), table: table(keys, targets) }
    })

const maybe = (name: string) => fc.option(ownedTable(name), { nil: undefined }).map((one) => (one ? [one] : []))
const tables = fc.tuple(...OWNERS.map(maybe)).map((lists) => lists.flat())
const fixed = maybe('_fixed/one')

interface Given {
  readonly tables: readonly OwnedTable[]
  readonly fixed?: readonly OwnedTable[]
  readonly order?: readonly string[]
}

function decide(given: Given): Arbitration {
  return arbitrate({ fixed: [], order: [], rules: RULES, ...given })
}

test('no two owners are given sockets in the way of each other, and every frontend is served or refused with a reason', () => {
  fc.assert(
    fc.property(tables, fixed, fc.array(fc.constantFrom(...OWNERS)), (list, administrators, names) => {
      const order = names.map((name) => `${name} tcp/203.0.113.10:443`)
      const { state, origins, refused } = decide({ tables: list, fixed: administrators, order })
      checkState(state)
      const served = [...origins.values()].map((origin) => `${origin.owner} ${origin.key}`)
      const others = [...refused].flatMap(([name, reasons]) => reasons.map((reason) => `${name} ${reason.key}`))
      const asked = [...list, ...administrators].flatMap((one) =>
        one.table.frontends.map((frontend) => `${ownerName(one.owner)} ${frontendKey(frontend)}`),
      )
      assert.deepEqual([...served, ...others].toSorted(), asked.toSorted())
    }),
    runs(1_000),
  )
})

test('the order of the tables says nothing', () => {
  fc.assert(
    fc.property(tables, fixed, fc.array(fc.nat(), { minLength: 4, maxLength: 4 }), (list, administrators, numbers) => {
      const shuffled = list.toSorted((a, b) => (numbers[list.indexOf(a)] ?? 0) - (numbers[list.indexOf(b)] ?? 0))
      const one = decide({ tables: list, fixed: administrators })
      const other = decide({ tables: shuffled, fixed: administrators })
      assert.equal(textOf(one.state), textOf(other.state))
      assert.deepEqual({ ...one, state: 0 }, { ...other, state: 0 })
    }),
    runs(500),
  )
})

/** What an owner asks for on each socket, as text, targets included. */
function wishes(list: readonly OwnedTable[]): ReadonlyMap<string, string> {
  const claims = list.flatMap(({ owner: name, table: { frontends, groups } }) =>
    [...Map.groupBy(frontends, socketKey)].map(([socket, on_]): readonly [string, string] => [
      `${ownerName(name)} ${socket}`,
      JSON.stringify([on_, groups]),
    ]),
  )
  return new Map(claims)
}

/** One owner after the other writes its table, or takes it away. */
const steps = fc.array(fc.oneof(...OWNERS.map((name) => maybe(name).map((list) => [name, list] as const))), {
  minLength: 4,
  maxLength: 12,
})

/** Objects that come again: in another owner's table, under other rules, and with other groups beside them. */
const remembered = fc.array(fc.tuple(fc.constantFrom(...OWNERS), fc.nat({ max: 3 }), fc.boolean()), { maxLength: 8 })

test('what a binder remembers of the arbitrations before changes nothing', () => {
  fc.assert(
    fc.property(fc.tuple(...OWNERS.map(ownedTable)), remembered, (known, rounds) => {
      const bind = createBinder()
      for (const [name, index, published] of rounds) {
        const input = {
          fixed: [],
          tables: known.map((one, at) => (at === index ? { ...one, owner: owner(name) } : one)),
          order: [],
          rules: published ? RULES : rules(),
        }
        assert.deepEqual(arbitrate(input, bind), arbitrate(input))
      }
    }),
    runs(500),
  )
})

test('who holds a socket keeps it while it asks for it, whatever else anybody does, and a restart changes nobody', () => {
  fc.assert(
    fc.property(steps, (writes) => {
      let before = decide({ tables: [] })
      let list: readonly OwnedTable[] = []
      for (const [name, written] of writes) {
        const last = wishes(list)
        list = [...list.filter((one) => ownerName(one.owner) !== name), ...written]
        const now = decide({ tables: list, order: before.order })
        const next = wishes(list)
        const lost = [...before.origins].flatMap(([id, origin]) => {
          const claim = `${origin.owner} ${origin.key.split('#')[0]}`
          return last.get(claim) === next.get(claim) && !now.origins.has(id) ? [id] : []
        })
        assert.deepEqual(lost, [])
        assert.equal(textOf(decide({ tables: list, order: now.order }).state), textOf(now.state))
        before = now
      }
    }),
    runs(1_000),
  )
})
