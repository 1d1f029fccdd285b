import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { findSockets, groupSockets, nodesWithEndpoints, portNamed } from '../../../src/desired/endpoints.ts'
import type { Endpoint, EndpointSliceObject } from '../../../src/kube/objects.ts'
import { endpoint, pod, service, slice } from '../../support/builders.ts'

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

const WEB = service('web')
const READY = { ready: true }
const named = (name: string, port: number) => ({ ports: [{ name, protocol: 'TCP' as const, port }] })

describe('sockets of pods', () => {
  const rule = {
    families: ['IPv4', 'IPv6'] as const,
    publishNotReady: false,
    portOf: (one: EndpointSliceObject) => portNamed(one, 'http', 'TCP'),
    allowed: (address: string) => address.startsWith('10.244.') || address.startsWith('fd00:'),
  }
  const find = (slices: readonly EndpointSliceObject[], wishes: Partial<typeof rule> = {}) => {
    const { sockets, refused } = findSockets(slices, { ...rule, ...wishes })
    return [sockets.map(({ address, port }) => `${address} ${port}`), refused]
  }

  test('each pod has the port that its slice names: pods of two versions differ', () =>
    assert.deepEqual(
      find([
        slice(WEB, [pod('10.244.0.1'), pod('10.244.0.2')], named('http', 8_080)),
        slice(WEB, [pod('10.244.0.3')], named('http', 9_090)),
        slice(WEB, [pod('10.244.0.4')], named('metrics', 9_100)),
      ]),
      [['10.244.0.1 8080', '10.244.0.2 8080', '10.244.0.3 9090'], []],
    ))

  test('a port of another protocol, or without a number, is none', () =>
    assert.deepEqual(
      find([
        slice(WEB, [pod('10.244.0.1')], { ports: [{ name: 'http', protocol: 'UDP', port: 8_080 }] }),
        slice(WEB, [pod('10.244.0.2')], { ports: [{ name: 'http', protocol: 'TCP' }] }),
      ]),
      [[], []],
    ))

  test('the same pod in two slices is one', () =>
    assert.deepEqual(
      find([slice(WEB, [pod('10.244.0.1')], named('http', 80)), slice(WEB, [pod('10.244.0.1')], named('http', 80))]),
      [['10.244.0.1 80'], []],
    ))

  test('those that are not ready are left out, and taken when they serve to the end', () => {
    const ending = pod('10.244.0.1', { ready: false, serving: true, terminating: true })
    const starting = pod('10.244.0.2', { ready: false })
    const ready = pod('10.244.0.3', READY)
    const of = (...pods: readonly Endpoint[]) => find([slice(WEB, pods, named('http', 80))])[0]
    assert.deepEqual(of(ending, starting, ready), ['10.244.0.3 80'])
    assert.deepEqual(of(ending, starting), ['10.244.0.1 80'])
    assert.deepEqual(of(starting), [])
    assert.deepEqual(find([slice(WEB, [starting], named('http', 80))], { publishNotReady: true })[0], ['10.244.0.2 80'])
  })

  test('of the first family that has any: the same pods are in slices of the other', () => {
    const v4 = slice(WEB, [pod('10.244.0.1')], named('http', 80))
    const v6 = slice(WEB, [pod('FD00:0::1')], { ...named('http', 80), addressType: 'IPv6' })
    const names = slice(WEB, [pod('10.244.0.9')], { ...named('http', 80), addressType: 'FQDN' })
    assert.deepEqual(find([names, v6, v4]), [['10.244.0.1 80'], []])
    assert.deepEqual(find([names, v6]), [['fd00::1 80'], []])
    assert.deepEqual(find([v4, v6], { families: ['IPv6', 'IPv4'] as never }), [['fd00::1 80'], []])
  })

  test('what may be no target is refused as it is written, the rest is taken', () => {
    const odd = ['foo;bar', '127.0.0.1', '203.0.113.10', 'fd00::1', '010.244.0.1', '10.244.0.7']
    const pods = [...odd.map((address) => pod(address)), { addresses: [], conditions: {} }]
    assert.deepEqual(find([slice(WEB, pods, named('http', 80))]), [
      ['10.244.0.7 80'],
      ['foo;bar', '127.0.0.1', '203.0.113.10', 'fd00::1', '010.244.0.1', ''],
    ])
  })

  test('an address beyond the first means nothing', () =>
    assert.deepEqual(
      find([slice(WEB, [{ addresses: ['10.244.0.1', '10.244.0.2'], conditions: {} }], named('http', 80))]),
      [['10.244.0.1 80'], []],
    ))
})

describe('a group of sockets', () => {
  const sockets = [
    { address: '10.244.0.2', port: 9_090 },
    { address: '10.244.0.1', port: 8_080 },
    { address: '10.244.0.1', port: 9_090 },
  ]
  test('has the smallest port; targets with another one name it; sorted by address and port', () =>
    assert.deepEqual(groupSockets('g', sockets, 80), {
      targetPort: 8_080,
      group: {
        id: 'g',
        targets: [
          { name: '10.244.0.1', address: '10.244.0.1' },
          { name: '10.244.0.1', address: '10.244.0.1', port: 9_090 },
          { name: '10.244.0.2', address: '10.244.0.2', port: 9_090 },
        ],
      },
    }))
  test('has the idle port when there are none', () =>
    assert.deepEqual(groupSockets('g', [], 80), { targetPort: 80, group: { id: 'g', targets: [] } }))
})
