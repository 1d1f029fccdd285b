import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Sibling } from '../../../src/model/driver.ts'
import { EMPTY_TABLE, makeTable } from '../../../src/model/table.ts'
import { diffTables } from '../../../src/plan/diff.ts'
import { guardRemovals } from '../../../src/plan/guard.ts'
import { planStrays } from '../../../src/plan/strays.ts'
import { frontend, observed } from '../../support/builders.ts'

const WEB = 'tcp/203.0.113.10:443'
const LIMITS = { maxRemoval: 0.5, minFrontends: 10 }

/** `old tcp/203.0.113.10:443` */
function siblings(...texts: readonly string[]): readonly Sibling[] {
  return texts.map((text) => {
    const [className = '', key = ''] = text.split(' ')
    return { className, key }
  })
}

function seen(...texts: readonly string[]) {
  return { ...observed(EMPTY_TABLE), siblings: siblings(...texts) }
}

function strays(
  texts: readonly string[],
  users: readonly string[],
  named: Readonly<Record<string, string[]>> = {},
  keepAt: readonly string[] = [],
) {
  const held = new Map(Object.entries(named).map(([name, keys]) => [name, new Set(keys)]))
  return planStrays(seen(...texts), new Set(users), held, new Set(keepAt)).map(
    ({ className, key }) => `${className} ${key}`,
  )
}

describe('what is a stray', () => {
  test('what a class left that is gone', () => assert.deepEqual(strays([`old ${WEB}`], ['public']), [`old ${WEB}`]))
  test('not what another class has that uses the proxy', () =>
    assert.deepEqual(strays([`internal ${WEB}`], ['public', 'internal']), []))
  test('not what a Service holds that still names the class', () => {
    const all = [`old ${WEB}`, 'old tcp/203.0.113.10:80']
    assert.deepEqual(strays(all, ['public'], { old: [WEB] }), ['old tcp/203.0.113.10:80'])
  })
  test('not what is at an address where nobody knows who holds what', () => {
    const all = [`old ${WEB}`, 'old tcp/203.0.113.11:443', 'old tcp/[2001:db8::1]:443']
    assert.deepEqual(strays(all, ['public'], {}, ['203.0.113.10', '2001:db8::1']), ['old tcp/203.0.113.11:443'])
  })
  test('but what a Service of yet another class holds', () =>
    assert.deepEqual(strays([`old ${WEB}`], ['public'], { older: [WEB] }), [`old ${WEB}`]))
})

function guard(texts: readonly string[], table = EMPTY_TABLE, accounted: readonly string[] = []) {
  const plan = diffTables(seen(...texts), table, new Set(), siblings(...texts))
  return guardRemovals(plan, new Set(accounted), LIMITS, 'edge-1')
}

describe('strays and the guard', () => {
  const many = Array.from({ length: 100 }, (_, index) => `old tcp/203.0.113.11:${index + 1}`)
  test('a few go', () => {
    const { plan, problem } = guard(many.slice(0, 9))
    assert.deepEqual([plan.strays.length, problem], [9, undefined])
  })

  test('many that nobody accounts for stay, and it is said', () => {
    const { plan, problem } = guard(many)
    assert.deepEqual([plan.strays, problem?.code], [[], 'RemovalHeld'])
    assert.equal(
      problem?.message,
      '100 frontends on proxy edge-1 are left from class old, and no Service accounts for them; they are kept',
    )
  })

  test('many that Services account for go, and those among them that none does stay', () => {
    const keys = siblings(...many).map(({ key }) => key)
    assert.equal(guard(many, EMPTY_TABLE, keys).plan.strays.length, 100)
    assert.equal(guard(many, EMPTY_TABLE, keys.slice(0, 40)).plan.strays.length, 40)
    assert.equal(guard(many, EMPTY_TABLE, keys.slice(0, 50)).plan.strays.length, 100)
  })

  test('many whose sockets the table wants go: they are served on', () => {
    const ports = Array.from({ length: 100 }, (_, index) => frontend({ address: '203.0.113.11', port: index + 1 }))
    const { plan, problem } = guard(many, makeTable(ports, []))
    assert.deepEqual([plan.strays.length, plan.changes.length, problem], [100, 100, undefined])
  })

  test('they do not thin out what is missing of our own', () => {
    const live = makeTable(
      Array.from({ length: 20 }, (_, index) => frontend({ port: index + 1 })),
      [],
    )
    const left = siblings(...many)
    const plan = diffTables({ ...observed(live), siblings: left }, EMPTY_TABLE, new Set(), left)
    const guarded = guardRemovals(plan, new Set(left.map(({ key }) => key)), LIMITS, 'edge-1')
    assert.deepEqual([guarded.plan.changes, guarded.plan.strays.length], [[], 100])
    assert.match(guarded.problem?.message ?? '', /^20 of 20 frontends on proxy edge-1 have no Service any more/)
  })
})
