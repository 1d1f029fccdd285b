import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { given, told } from '../../support/allocations.ts'
import { createdAt, held, pool, type ServiceWishes, service } from '../../support/builders.ts'

const MAIN = [pool('main', ['203.0.113.10-203.0.113.11'])]
const ONE = [pool('main', ['203.0.113.10'])]

const made = (name: string, second: number, wishes: ServiceWishes = {}) =>
  service(name, { ...wishes, meta: createdAt(second) })

describe('one address carries as many Services as its ports allow', () => {
  test('the lowest address on which every port is free', () => {
    const services = [
      made('a', 1),
      made('b', 2, { ports: ['80', '443'] }),
      made('c', 3, { ports: ['80', '25'] }),
      made('d', 4, { ports: ['53/UDP'] }),
    ]
    assert.deepEqual(given(services, MAIN), {
      a: '203.0.113.10 [443/TCP]',
      b: '203.0.113.11 [80/TCP 443/TCP]',
      c: '203.0.113.10 [80/TCP 25/TCP]',
      d: '203.0.113.10 [53/UDP]',
    })
  })

  test('a TCP and a UDP port of one number are two', () => {
    const services = [made('tcp', 1, { ports: ['53'] }), made('udp', 2, { ports: ['53/UDP'] })]
    assert.deepEqual(given(services, ONE), { tcp: '203.0.113.10 [53/TCP]', udp: '203.0.113.10 [53/UDP]' })
  })

  test('the oldest Service first, then by name', () => {
    const services = [made('young', 9), made('old', 1), made('twin-b', 5), made('twin-a', 5)]
    const pools = [pool('main', ['203.0.113.10-203.0.113.20'])]
    assert.deepEqual(given(services, pools), {
      old: '203.0.113.10 [443/TCP]',
      'twin-a': '203.0.113.11 [443/TCP]',
      'twin-b': '203.0.113.12 [443/TCP]',
      young: '203.0.113.13 [443/TCP]',
    })
  })

  test('a Service whose ports all fail gets no address', () => {
    const services = [service('sctp', { ports: ['7/SCTP'] }), service('none', { ports: [] })]
    assert.deepEqual(given(services, MAIN), { sctp: 'nothing ProtocolUnsupported', none: 'nothing' })
  })
})

describe('sharing: both sides must agree', () => {
  const cases: readonly (readonly [first: string, second: string, namespaces: 'same' | 'other', shared: boolean])[] = [
    ['any', 'any', 'same', true],
    ['any', 'any', 'other', true],
    ['namespace', 'namespace', 'same', true],
    ['namespace', 'namespace', 'other', false],
    ['any', 'namespace', 'same', true],
    ['any', 'namespace', 'other', false],
    ['namespace', 'any', 'other', false],
    ['dedicated', 'any', 'same', false],
    ['any', 'dedicated', 'same', false],
    ['dedicated', 'dedicated', 'same', false],
  ]
  for (const [first, second, namespaces, shared] of cases) {
    test(`${first} beside ${second} in ${namespaces === 'same' ? 'one namespace' : 'another'}: ${shared ? 'shared' : 'apart'}`, () => {
      const other = namespaces === 'same' ? 'team-a/b' : 'team-b/b'
      const services = [
        made('team-a/a', 1, { ports: ['80'], annotations: { sharing: first } }),
        made(other, 2, { ports: ['443'], annotations: { sharing: second } }),
      ]
      const address = shared ? '203.0.113.10' : '203.0.113.11'
      assert.equal(given(services, MAIN)[other], `${address} [443/TCP]`)
    })
  }

  test('three on an address: the newcomer must agree with each', () => {
    const services = [
      made('team-a/a', 1, { ports: ['80'] }),
      made('team-a/b', 2, { ports: ['81'], annotations: { sharing: 'namespace' } }),
      made('team-b/c', 3, { ports: ['82'] }),
    ]
    assert.equal(given(services, MAIN)['team-b/c'], '203.0.113.11 [82/TCP]')
  })

  test('two of other namespaces on an address: who shares with his own only goes elsewhere, though one of them is his', () => {
    const services = [
      made('team-a/a', 1, { ports: ['80'] }),
      made('team-b/b', 2, { ports: ['81'] }),
      made('team-a/c', 3, { ports: ['82'], annotations: { sharing: 'namespace' } }),
    ]
    assert.equal(given(services, MAIN)['team-a/c'], '203.0.113.11 [82/TCP]')
  })

  test('an address that is nothing for one namespace is tried for the next', () => {
    const services = [
      made('team-a/shy', 1, { ports: ['80'], annotations: { sharing: 'namespace' } }),
      made('team-b/b', 2),
      made('team-a/c', 3),
    ]
    assert.deepEqual(given(services, MAIN), {
      'team-a/shy': '203.0.113.10 [80/TCP]',
      'team-a/c': '203.0.113.10 [443/TCP]',
      'team-b/b': '203.0.113.11 [443/TCP]',
    })
  })

  test('an address that is nothing for one Service is tried for the next, which may share it', () => {
    const services = [
      made('team-a/a', 1, { ports: ['80'] }),
      made('team-b/shy', 2, { annotations: { sharing: 'namespace' } }),
      made('team-a/c', 3),
    ]
    assert.deepEqual(given(services, MAIN), {
      'team-a/a': '203.0.113.10 [80/TCP]',
      'team-b/shy': '203.0.113.11 [443/TCP]',
      'team-a/c': '203.0.113.10 [443/TCP]',
    })
  })
})

const wanting = (address: string, wishes: ServiceWishes = {}) =>
  made('web', 2, { ...wishes, annotations: { address, ...wishes.annotations } })

describe('a requested address', () => {
  test('is given, though a lower one is free', () => {
    assert.deepEqual(given([wanting('203.0.113.11')], MAIN), { web: '203.0.113.11 [443/TCP]' })
  })

  test('by spec.loadBalancerIP, over which the annotation wins', () => {
    const spec = { loadBalancerIP: '203.0.113.11' }
    assert.deepEqual(given([made('web', 1, { spec })], MAIN), { web: '203.0.113.11 [443/TCP]' })
    assert.deepEqual(given([wanting('203.0.113.10', { spec })], MAIN), { web: '203.0.113.10 [443/TCP]' })
  })

  test('outside every pool is refused by name, with what there is', () => {
    assert.deepEqual(given([wanting('198.51.100.1')], MAIN), { web: 'nothing AddressOutsidePools' })
    assert.deepEqual(told('web', [wanting('198.51.100.1')], MAIN), [
      'Service default/web wants address 198.51.100.1, which is not in any pool that it may use. Use one of: 203.0.113.10-203.0.113.11 (pool main)',
    ])
  })

  test('of a pool closed to the namespace is refused', () => {
    const pools = [pool('closed', ['203.0.113.10'], { namespaces: ['team-a'] })]
    assert.deepEqual(given([wanting('203.0.113.10')], pools), { web: 'nothing AddressOutsidePools' })
  })

  test('of a pool without autoAssign is given', () => {
    const pools = [pool('main', ['203.0.113.10'], { autoAssign: false })]
    assert.deepEqual(given([wanting('203.0.113.10'), made('other', 1, { ports: ['80'] })], pools), {
      web: '203.0.113.10 [443/TCP]',
      other: 'nothing FamilyUnavailable',
    })
  })

  test('whose port another holds: the loser is told who holds it', () => {
    const services = [made('team-a/first', 1, { annotations: { address: '203.0.113.10' } }), wanting('203.0.113.10')]
    assert.deepEqual(given(services, MAIN), { 'team-a/first': '203.0.113.10 [443/TCP]', web: 'nothing PortTaken' })
    assert.deepEqual(told('web', services, MAIN), [
      'Service default/web asks for port 443/TCP on 203.0.113.10, which Service team-a/first holds. Choose another port or another address',
    ])
  })

  test('with one of its ports taken is given with the others', () => {
    const services = [made('first', 1), wanting('203.0.113.10', { ports: ['443', '80'] })]
    assert.equal(given(services, MAIN)['web'], '203.0.113.10 [80/TCP] PortTaken')
  })

  test('that another does not share is refused with its name', () => {
    const services = [
      made('first', 1, { annotations: { sharing: 'dedicated' }, ports: ['80'] }),
      wanting('203.0.113.10'),
    ]
    assert.equal(given(services, MAIN)['web'], 'nothing PortTaken')
    assert.match(
      told('web', services, MAIN)[0] ?? '',
      /which Service default\/first does not share with it\. .*fairway\.dev\/sharing/,
    )
  })

  test('replaces a held one that can be had', () => {
    const web = wanting('203.0.113.11', { record: held('443/TCP', '203.0.113.10') })
    assert.deepEqual(given([web], MAIN), { web: '203.0.113.11 [443/TCP]' })
  })

  test('replaces nothing when a port on it is taken: what is served stays', () => {
    const first = made('first', 1, { record: held('443/TCP', '203.0.113.11') })
    const web = wanting('203.0.113.11', { ports: ['443', '80'], record: held('443/TCP 80/TCP', '203.0.113.10') })
    assert.equal(given([first, web], MAIN)['web'], '203.0.113.10 [443/TCP 80/TCP] PortTaken')
  })

  test('replaces nothing when it lies outside the pools', () => {
    const web = wanting('198.51.100.1', { record: held('443/TCP', '203.0.113.10') })
    assert.deepEqual(given([web], MAIN), { web: '203.0.113.10 [443/TCP] AddressOutsidePools' })
  })

  test('of two that are asked for, one that cannot be had: nothing is given in its place, nor the other one alone', () => {
    const pools = [pool('main', ['203.0.113.10', '2001:db8::1'])]
    for (const sharing of ['any', 'dedicated']) {
      const services = [made('first', 1, { annotations: { sharing } }), wanting('203.0.113.10,2001:db8::1')]
      assert.equal(given(services, pools)['web'], 'nothing PortTaken')
    }
  })

  test('that cannot be had is not replaced by another one for who has the other family only', () => {
    const pools = [pool('main', ['203.0.113.10-203.0.113.11', '2001:db8::1'])]
    const spec = { ipFamilies: ['IPv4', 'IPv6'] as const, ipFamilyPolicy: 'PreferDualStack' as const }
    const web = wanting('203.0.113.10', { spec, record: held('443/TCP', '2001:db8::1') })
    assert.equal(given([made('first', 1), web], pools)['web'], '2001:db8::1 [443/TCP] PortTaken')
  })

  test('of a Service with two families is for its family; the other one comes from the same pool', () => {
    const spec = { ipFamilies: ['IPv6', 'IPv4'] as const, ipFamilyPolicy: 'PreferDualStack' as const }
    const pools = [pool('first', ['198.51.100.1', '2001:db8:1::1']), pool('second', ['203.0.113.10', '2001:db8::1'])]
    assert.equal(given([wanting('203.0.113.10', { spec })], pools)['web'], '2001:db8::1 203.0.113.10 [443/TCP]')
    const v4only = [pool('first', ['2001:db8:1::1']), pool('second', ['203.0.113.10'])]
    assert.equal(given([wanting('203.0.113.10', { spec })], v4only)['web'], '203.0.113.10 [443/TCP]')
    const strict = { ...spec, ipFamilyPolicy: 'RequireDualStack' as const }
    assert.equal(given([wanting('203.0.113.10', { spec: strict })], v4only)['web'], 'nothing FamilyUnavailable')
  })

  test('that the families rule out is refused', () => {
    const pools = [pool('main', ['203.0.113.10', '2001:db8::1'])]
    const web = wanting('2001:db8::1', { annotations: { families: 'IPv4' } })
    assert.deepEqual(given([web], pools), { web: 'nothing AddressInvalid' })
  })

  test('in spec.loadBalancerIP that is none is told', () => {
    const web = made('web', 1, { spec: { loadBalancerIP: 'edge.example' }, record: held('443/TCP', '203.0.113.10') })
    assert.deepEqual(given([web], MAIN), { web: '203.0.113.10 [443/TCP] AddressInvalid' })
    const fresh = made('web', 1, { spec: { loadBalancerIP: 'edge.example' } })
    assert.deepEqual(given([fresh], MAIN), { web: 'nothing AddressInvalid' })
  })
})

describe('exhaustion', () => {
  test('names the pool, its ranges, the port and a holder', () => {
    const services = [made('team-a/first', 1), made('second', 2)]
    assert.deepEqual(told('second', services, ONE), [
      'Service default/second gets no address of 203.0.113.10 (pool main): none has 443/TCP free (203.0.113.10: Service team-a/first). Add addresses to a pool of the class, or free the port',
    ])
  })

  test('names the holder of the first address that may be given at all', () => {
    const pools = [pool('main', ['203.0.113.0-203.0.113.1'], { avoidEdgeAddresses: true })]
    assert.match(told('b', [made('a', 1), made('b', 2)], pools)[0] ?? '', /\(203\.0\.113\.1: Service default\/a\)/)
  })

  test('of a named pool that does not exist lists those that do', () => {
    assert.deepEqual(told('web', [service('web', { annotations: { pool: 'gold' } })], MAIN), [
      'Service default/web wants pool "gold", which its class does not have or its namespace may not use. Use one of: main',
    ])
  })

  test('of a family', () => {
    assert.deepEqual(told('web', [service('web', { annotations: { families: 'IPv6' } })], MAIN), [
      'Service default/web wants IPv6, and no one pool that it may use has addresses of IPv6. Add a range to a pool, or set fairway.dev/families',
    ])
  })
})
