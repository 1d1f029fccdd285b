import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nodesWithEndpoints } from '../../../src/desired/endpoints.ts'
import { parseSelector } from '../../../src/desired/label-selector.ts'
import { type AddressRule, excludedBecause, nodeAddress, nodeTargets, usableNodes } from '../../../src/desired/nodes.ts'
import type { Endpoint, NodeObject } from '../../../src/kube/objects.ts'
import { endpoint, type NodeWishes, node, service, slice } from '../../support/builders.ts'

const EXCLUDE = 'node.kubernetes.io/exclude-from-external-load-balancers'
const AT = ['InternalIP 10.0.0.1']

const because = (wishes: NodeWishes, selector = '') =>
  excludedBecause(node('n', AT, wishes), parseSelector(selector) ?? [])

const names = (nodes: readonly NodeObject[]) => usableNodes(nodes, []).map(({ metadata }) => metadata.name)

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

  test('being deleted, about to be deleted by the autoscaler, or not selected', () => {
    assert.equal(because({ deletionTimestamp: '2026-01-01T00:00:00Z' }), 'it is being deleted')
    assert.equal(
      because({ taints: ['x', 'ToBeDeletedByClusterAutoscaler'] }),
      'the cluster autoscaler is about to delete it',
    )
    assert.equal(because({ labels: { role: 'core' } }, 'role=edge'), 'the node selector leaves it out')
  })

  test('other taints, and other labels, do not matter', () =>
    assert.equal(
      because({ taints: ['node.kubernetes.io/unschedulable'], labels: { role: 'edge' } }, 'role=edge'),
      undefined,
    ))

  const states = { ready: 'True', notReady: 'False', unknown: 'Unknown', silent: undefined } as const
  const nodes = Object.entries(states).map(([name, ready]) => node(name, AT, { ready }))

  test('not ready, as long as one is', () => assert.deepEqual(names(nodes), ['ready']))
  test('when none is ready, readiness says nothing', () => {
    assert.deepEqual(names(nodes.slice(1)), ['notReady', 'unknown', 'silent'])
    assert.deepEqual(names([node('gone', AT, { ready: 'False', deletionTimestamp: 'x' }), ...nodes.slice(1, 2)]), [
      'notReady',
    ])
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

  test('targets are sorted by address; of two nodes with one address the first by name', () => {
    const nodes = [
      node('c', ['InternalIP 10.0.0.3']),
      node('b', ['InternalIP 10.0.0.1']),
      node('a', ['InternalIP 10.0.0.1']),
      node('d', []),
    ]
    const expected = [
      { name: 'a', address: '10.0.0.1' },
      { name: 'c', address: '10.0.0.3' },
    ]
    assert.deepEqual(nodeTargets(nodes, rule), expected)
    assert.deepEqual(nodeTargets(nodes.toReversed(), rule), expected)
  })
})

const nodesOf = (endpoints: readonly Endpoint[], publishNotReady = false) =>
  [...nodesWithEndpoints([slice(service('web'), endpoints)], publishNotReady)].toSorted()

describe('nodes with endpoints (externalTrafficPolicy: Local)', () => {
  const ready = endpoint('ready', { ready: true, serving: true, terminating: false })
  const unknown = endpoint('unknown')
  const notReady = endpoint('not-ready', { ready: false, serving: false, terminating: false })
  const serving = endpoint('serving', { ready: false, serving: true, terminating: true })
  const stopped = endpoint('stopped', { ready: false, serving: false, terminating: true })
  const all = [ready, unknown, notReady, serving, stopped]

  test('those that are ready; what is not known counts as ready', () =>
    assert.deepEqual(nodesOf(all), ['ready', 'unknown']))
  test('when none is ready, those that serve while they terminate', () =>
    assert.deepEqual(nodesOf([notReady, serving, stopped]), ['serving']))
  test('serving that is not known is as ready is', () =>
    assert.deepEqual(nodesOf([endpoint('a', { ready: false, terminating: true })]), []))
  test('not ready ones are none, though they are all there is', () => assert.deepEqual(nodesOf([notReady]), []))
  test('all of them under publishNotReadyAddresses', () =>
    assert.deepEqual(nodesOf(all, true), ['not-ready', 'ready', 'serving', 'stopped', 'unknown']))
  test('an endpoint without a node is nowhere', () =>
    assert.deepEqual(nodesOf([{ addresses: ['192.0.2.1'], conditions: { ready: true } }]), []))
  test('several slices are one set', () => {
    const web = service('web')
    const slices = [slice(web, [ready]), slice(web, [endpoint('other', { ready: true }), ready])]
    assert.deepEqual([...nodesWithEndpoints(slices, false)], ['ready', 'other'])
  })
})
