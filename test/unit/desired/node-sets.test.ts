import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createNodeSets, membersOn, type NodeRule, type NodeSet, targetsAt } from '../../../src/desired/node-sets.ts'
import type { NodeObject } from '../../../src/kube/objects.ts'
import type { Target } from '../../../src/model/table.ts'
import { type NodeWishes, node } from '../../support/builders.ts'

const RULE: NodeRule = { selectors: [], excluded: false, types: ['InternalIP'], families: ['IPv4'] }

const setOf = (nodes: readonly NodeObject[], rule: Partial<NodeRule> = {}): NodeSet =>
  createNodeSets(nodes, (address) => address === '203.0.113.10')({ ...RULE, ...rule })

/** `10.0.0.1 10.0.0.2(cordoned)` */
const said = (targets: readonly Target[]) =>
  targets.map(({ address, draining }) => (draining === undefined ? address : `${address}(${draining})`)).join(' ')

const all = (nodes: readonly NodeObject[], rule: Partial<NodeRule> = {}) =>
  said(targetsAt(setOf(nodes, rule).members, 0, 0))

/** Nodes n1, n2, … at 10.0.0.1, 10.0.0.2, … */
const nodes = (...wishes: readonly NodeWishes[]) =>
  wishes.map((one, index) => node(`n${index + 1}`, [`InternalIP 10.0.0.${index + 1}`], one))

const LEAVING: NodeWishes = { deletionTimestamp: '2026-01-01T00:00:00Z' }
const CORDONED: NodeWishes = { unschedulable: true }

describe('the targets of a group', () => {
  test('are sorted by address, whatever the order of the nodes', () => {
    const some = [...nodes({}, {}), node('a', ['InternalIP 10.0.0.9'])]
    assert.equal(all(some), '10.0.0.1 10.0.0.2 10.0.0.9')
    assert.equal(all(some.toReversed()), '10.0.0.1 10.0.0.2 10.0.0.9')
  })

  test('of two nodes that claim one address the first by name has it', () => {
    const twins = [node('b', ['InternalIP 10.0.0.1']), node('a', ['InternalIP 10.0.0.1'])]
    for (const some of [twins, twins.toReversed()]) {
      assert.deepEqual(targetsAt(setOf(some).members, 0, 0), [{ name: 'a', address: '10.0.0.1' }])
    }
  })

  test('are at a usable address: a node without one is none', () =>
    assert.equal(
      all([node('a', ['InternalIP foo']), node('b', ['InternalIP 203.0.113.10']), node('c', []), ...nodes({})]),
      '10.0.0.1',
    ))

  test('at the families and types of the rule, the first that a node has', () => {
    const some = [
      node('both', ['InternalIP 10.0.0.1', 'InternalIP fd00::1', 'ExternalIP 198.51.100.1']),
      node('four', ['InternalIP 10.0.0.2']),
      node('six', ['InternalIP fd00::3']),
    ]
    assert.equal(all(some), '10.0.0.1 10.0.0.2')
    assert.equal(all(some, { families: ['IPv6'] }), 'fd00::1 fd00::3')
    assert.equal(all(some, { families: ['IPv6', 'IPv4'] }), '10.0.0.2 fd00::1 fd00::3')
    assert.equal(all(some, { types: ['ExternalIP', 'InternalIP'] }), '10.0.0.2 198.51.100.1')
    assert.equal(all(some, { types: ['ExternalIP'] }), '198.51.100.1')
  })

  test('are chosen by all selectors; one that cannot be read chooses nothing', () => {
    const some = nodes({ labels: { role: 'edge', disk: 'ssd' } }, { labels: { role: 'edge' } }, {})
    assert.equal(all(some, { selectors: ['role=edge'] }), '10.0.0.1 10.0.0.2')
    assert.equal(all(some, { selectors: ['role=edge', 'disk'] }), '10.0.0.1')
    assert.equal(all(some, { selectors: ['role in (edge'] }), '')
  })

  test('one rule is worked out once', () => {
    const sets = createNodeSets(nodes({}), () => false)
    assert.equal(sets(RULE), sets({ ...RULE, selectors: [], families: ['IPv4'] }))
    assert.notEqual(sets(RULE), sets({ ...RULE, excluded: true }))
  })
})

describe('nodes that drain stay in the group, and are marked', () => {
  const table: readonly (readonly [why: string, wishes: readonly NodeWishes[], targets: string])[] = [
    ['cordoned', [{}, CORDONED], '10.0.0.1 10.0.0.2(cordoned)'],
    ['leaving', [{}, LEAVING], '10.0.0.1 10.0.0.2(leaving)'],
    ['a leaving one that is not ready is gone', [{}, { ...LEAVING, ready: 'False' }], '10.0.0.1'],
    [
      'all of them: fitting the table to a proxy unmarks some',
      [CORDONED, LEAVING],
      '10.0.0.1(cordoned) 10.0.0.2(leaving)',
    ],
    ['the only ready one', [{ ready: 'False' }, CORDONED], '10.0.0.2(cordoned)'],
  ]
  for (const [why, wishes, targets] of table) test(why, () => assert.equal(all(nodes(...wishes)), targets))
})

/** Ten nodes. */
const many = (wishes: Readonly<Record<number, NodeWishes>> = {}) =>
  nodes(...Array.from({ length: 10 }, (_, index) => wishes[index + 1] ?? {}))
const picked = (some: readonly NodeObject[], seed = 1) => said(targetsAt(setOf(some).members, seed, 3)).split(' ')

describe('at most so many targets', () => {
  const [gone = ''] = picked(many())
  const number = Number(gone.split('.').at(-1))

  test('the same for the same seed, others for another', () => {
    assert.equal(picked(many()).length, 3)
    assert.deepEqual(picked(many().toReversed()), picked(many()))
    assert.notDeepEqual(picked(many(), 2), picked(many()))
  })

  test('one that starts to leave is relieved at once, and kept until it is gone', () => {
    const before = picked(many())
    const during = picked(many({ [number]: LEAVING }))
    const after = picked(many().filter(({ metadata }) => metadata.name !== `n${number}`))
    assert.deepEqual([before.length, during.length, after.length], [3, 4, 3])
    assert.deepEqual(during, [...after, `${gone}(leaving)`].toSorted())
    assert.equal(after.filter((address) => before.includes(address)).length, 2)
  })

  test('one that leaves and was not among them changes nothing', () => {
    const others = many().map(({ metadata }) => Number(metadata.name.slice(1)))
    const other = others.find((one) => !picked(many()).includes(`10.0.0.${one}`)) ?? 0
    assert.deepEqual(picked(many({ [other]: LEAVING })), picked(many()))
  })

  test('when all drain, the cordoned ones come first: they stay longer', () => {
    const cordoned = { 1: CORDONED, 2: CORDONED, 3: CORDONED }
    const leaving = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [index + 1, LEAVING]))
    const targets = picked(many({ ...leaving, ...cordoned }))
    assert.deepEqual(targets.filter((one) => one.endsWith('(cordoned)')).length, 3)
    assert.equal(picked(many(leaving)).length, 3)
  })
})

describe('the members on some nodes', () => {
  const set = setOf([...nodes({}, {}), node('twin', ['InternalIP 10.0.0.1'])])
  const on = (...names: readonly string[]) => membersOn(set, names).map(({ target }) => target.name)

  test('in the order of names, without those that are not usable', () =>
    assert.deepEqual(on('n2', 'nobody', 'n1'), ['n1', 'n2']))
  test('a node whose address another claims too is there where the other is not', () =>
    assert.deepEqual([on('twin'), on('twin', 'n1')], [['twin'], ['n1']]))
})
