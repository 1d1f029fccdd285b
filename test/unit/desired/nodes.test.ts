import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseSelector } from '../../../src/desired/label-selector.ts'
import { type AddressRule, drainOf, excludedBecause, nodeAddress, usableNodes } from '../../../src/desired/nodes.ts'
import type { NodeObject } from '../../../src/kube/objects.ts'
import { type NodeWishes, node } from '../../support/builders.ts'

const EXCLUDE = 'node.kubernetes.io/exclude-from-external-load-balancers'
const AT = ['InternalIP 10.0.0.1']

const because = (wishes: NodeWishes, selector = '', excluded = false) =>
  excludedBecause(node('n', AT, wishes), { selectors: [parseSelector(selector) ?? []], excluded })

const names = (nodes: readonly NodeObject[]) =>
  usableNodes(nodes, { selectors: [], excluded: false }).map(({ metadata }) => metadata.name)

describe('nodes that take no traffic', () => {
  const values: readonly (readonly [value: string, excluded: boolean])[] = [
    ['', true],
    ['true', true],
    ['1', true],
    ['yes', true],
    ['fAlse', true],
    ['false', false],
    ['False', false],
    ['FALSE', false],
    ['f', false],
    ['F', false],
    ['0', false],
  ]
  for (const [value, excluded] of values) {
    test(`the label to exclude with value "${value}" ${excluded ? 'excludes' : 'does not'}`, () =>
      assert.equal(
        because({ labels: { [EXCLUDE]: value } }),
        excluded ? `its label ${EXCLUDE} excludes it` : undefined,
      ))
  }

  test('excluded ones are chosen where that is wanted: a control plane is excluded', () =>
    assert.equal(because({ labels: { [EXCLUDE]: '' } }, '', true), undefined))

  test('not selected', () => {
    assert.equal(because({ labels: { role: 'core' } }, 'role=edge'), 'the node selector leaves it out')
    assert.equal(because({ labels: { role: 'core' } }, 'role=edge', true), 'the node selector leaves it out')
    assert.equal(because({ labels: { role: 'edge' } }, 'role=edge'), undefined)
  })

  test('of two selectors both must hold', () => {
    const selectors = ['a=1', 'b=2'].map((text) => parseSelector(text) ?? [])
    const matches = (labels: Readonly<Record<string, string>>) =>
      excludedBecause(node('n', AT, { labels }), { selectors, excluded: false }) === undefined
    assert.deepEqual([matches({ a: '1', b: '2' }), matches({ a: '1' }), matches({ b: '2' })], [true, false, false])
  })

  const drains: readonly (readonly [why: string, wishes: NodeWishes, drain: ReturnType<typeof drainOf>])[] = [
    ['being deleted', { deletionTimestamp: '2026-01-01T00:00:00Z' }, 'leaving'],
    ['about to be deleted by the autoscaler', { taints: ['x', 'ToBeDeletedByClusterAutoscaler'] }, 'leaving'],
    ['cordoned', { unschedulable: true }, 'cordoned'],
    ['cordoned and about to be deleted', { unschedulable: true, deletionTimestamp: 'x' }, 'leaving'],
    ['not cordoned', { unschedulable: false }, undefined],
    ['of other taints', { taints: ['node.kubernetes.io/unreachable'], labels: { role: 'edge' } }, undefined],
  ]
  for (const [why, wishes, drain] of drains) {
    test(`one that is ${why} is ${drain === undefined ? 'not drained' : `drained, as ${drain}`}`, () => {
      assert.equal(drainOf(node('n', AT, wishes)), drain)
      assert.equal(because(wishes), undefined)
    })
  }

  const states = { ready: 'True', notReady: 'False', unknown: 'Unknown', silent: undefined } as const
  const nodes = Object.entries(states).map(([name, ready]) => node(name, AT, { ready }))

  test('not ready, as long as one is', () => assert.deepEqual(names(nodes), ['ready']))
  test('when none is ready, readiness says nothing', () => {
    assert.deepEqual(names(nodes.slice(1)), ['notReady', 'unknown', 'silent'])
    assert.deepEqual(names([node('excluded', AT, { labels: { [EXCLUDE]: '' } }), ...nodes.slice(1, 2)]), ['notReady'])
  })
})

describe('the address of a node', () => {
  const rule: AddressRule = {
    types: ['ExternalIP', 'InternalIP'],
    families: ['IPv4'],
    forbidden: (address) => address === '203.0.113.10',
  }
  const table: readonly (readonly [
    why: string,
    addresses: readonly string[],
    wishes: Partial<AddressRule>,
    found: string | undefined,
  ])[] = [
    ['the first type of the list', ['InternalIP 10.0.0.1', 'ExternalIP 198.51.100.1'], {}, '198.51.100.1'],
    ['the next type, when the node has none of the first', ['InternalIP 10.0.0.1'], {}, '10.0.0.1'],
    ['the first of several of a type', ['InternalIP 10.0.0.2', 'InternalIP 10.0.0.1'], {}, '10.0.0.2'],
    ['of a wanted type only', ['InternalIP 10.0.0.1'], { types: ['ExternalIP'] }, undefined],
    ['never a host name', ['Hostname 10.0.0.1', 'InternalDNS n1.local'], {}, undefined],
    ['of a family on which the node ports listen', ['InternalIP fd00::1'], {}, undefined],
    [
      'of the preferred family',
      ['InternalIP 10.0.0.1', 'InternalIP fd00::1'],
      { families: ['IPv6', 'IPv4'] },
      'fd00::1',
    ],
    ['of the second family', ['InternalIP 10.0.0.1'], { families: ['IPv6', 'IPv4'] }, '10.0.0.1'],
    [
      'a preferred type before a preferred family',
      ['ExternalIP 198.51.100.1', 'InternalIP fd00::1'],
      { families: ['IPv6', 'IPv4'] },
      '198.51.100.1',
    ],
    ['canonical', ['InternalIP FD00:0::1'], { families: ['IPv6'] }, 'fd00::1'],
    ['junk is passed over', ['ExternalIP foo;bar', 'ExternalIP {env.HOME}', 'InternalIP 10.0.0.1'], {}, '10.0.0.1'],
    ['loopback is passed over', ['ExternalIP 127.0.0.1', 'InternalIP 10.0.0.1'], {}, '10.0.0.1'],
    ['mapped loopback is passed over', ['ExternalIP ::ffff:127.0.0.1'], { families: ['IPv6'] }, undefined],
    ['link-local is passed over', ['ExternalIP 169.254.169.254'], {}, undefined],
    ['link-local of IPv6 is passed over', ['InternalIP fe80::1'], { families: ['IPv6'] }, undefined],
    [
      'one of the pools’ or the proxies’ own is passed over',
      ['ExternalIP 203.0.113.10', 'InternalIP 10.0.0.1'],
      {},
      '10.0.0.1',
    ],
    ['none', [], {}, undefined],
  ]
  for (const [why, addresses, wishes, found] of table) {
    test(`${why}: ${found ?? 'none'} of ${addresses.join(', ') || 'none'}`, () =>
      assert.equal(nodeAddress(node('n', addresses).status.addresses, { ...rule, ...wishes }), found))
  }
})
