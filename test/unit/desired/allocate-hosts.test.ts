import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import { given, recorded, told } from '../../support/allocations.ts'
import { classSpec, createdAt, held, pool, type ServiceWishes, service } from '../../support/builders.ts'

const ONE = [pool('main', ['203.0.113.10'])]
const TWO = [pool('main', ['203.0.113.10-203.0.113.11'])]
const made = (name: string, second: number, wishes: ServiceWishes = {}) =>
  service(name, { ...wishes, meta: createdAt(second) })
/** The number says how old it is: 1 is the oldest. */
const hosting = (name: string, second: number, hosts: string, wishes: ServiceWishes = {}) =>
  made(name, second, { ...wishes, annotations: { hosts, ...wishes.annotations } })

describe('Services share a socket by their hosts', () => {
  test('one of them may have none: it gets what no other takes', () => {
    const services = [hosting('a', 1, 'b.example,a.example'), made('rest', 2), hosting('sub', 3, '*.a.example')]
    assert.deepEqual(given(services, ONE), {
      a: '203.0.113.10 [443/TCP=a.example,b.example]',
      rest: '203.0.113.10 [443/TCP]',
      sub: '203.0.113.10 [443/TCP=*.a.example]',
    })
  })

  test('two without hosts are in each other’s way, as ever', () => {
    const services = [made('a', 1), made('b', 2, { annotations: { address: '203.0.113.10' } })]
    assert.equal(given(services, ONE)['b'], 'nothing PortTaken')
  })

  test('a host is for every TCP port, or for the port that it names; UDP has none', () => {
    const ports = ['https:443', 'alt:8443', '443/UDP']
    assert.deepEqual(given([hosting('a', 1, 'a.example', { ports })], ONE), {
      a: '203.0.113.10 [443/TCP=a.example 8443/TCP=a.example 443/UDP]',
    })
    assert.deepEqual(given([hosting('a', 1, 'https=a.example,b.example', { ports })], ONE), {
      a: '203.0.113.10 [443/TCP=a.example 8443/TCP=b.example 443/UDP]',
    })
    assert.deepEqual(given([hosting('a', 1, 'https=a.example', { ports })], ONE), {
      a: '203.0.113.10 [443/TCP=a.example 8443/TCP 443/UDP]',
    })
  })

  test('on UDP, hosts tell nobody apart', () => {
    const ports = ['443/UDP']
    const services = [hosting('a', 1, 'a.example', { ports }), hosting('b', 2, 'b.example', { ports })]
    assert.deepEqual(given(services, ONE), { a: '203.0.113.10 [443/UDP]', b: 'nothing PoolExhausted' })
  })

  test('who does not share the address does not share the socket', () => {
    const services = [
      hosting('team-a/a', 1, 'a.example', { annotations: { sharing: 'namespace' } }),
      hosting('team-b/b', 2, 'b.example'),
      hosting('team-a/c', 3, 'c.example', { annotations: { sharing: 'dedicated' } }),
    ]
    assert.deepEqual(given(services, TWO), {
      'team-a/a': '203.0.113.10 [443/TCP=a.example]',
      'team-b/b': '203.0.113.11 [443/TCP=b.example]',
      'team-a/c': 'nothing PoolExhausted',
    })
  })
})

describe('hosts that overlap', () => {
  const cases: readonly (readonly [first: string, second: string, left: string])[] = [
    ['a.example', 'a.example,b.example', 'b.example'],
    ['*.example', 'a.example,x.a.example', 'x.a.example'],
    ['a.example', '*.example,example', 'example'],
    ['*.example', '*.example,*.a.example', '*.a.example'],
    ['*.a.example', 'a.example,*.example', '*.example,a.example'],
  ]
  for (const [first, second, left] of cases) {
    test(`${first} before ${second}: the later one has ${left}`, () => {
      const services = [hosting('first', 1, first), hosting('second', 2, second)]
      const lost = second.split(',').length > left.split(',').length ? ' HostTaken' : ''
      assert.equal(given(services, ONE)['second'], `203.0.113.10 [443/TCP=${left}]${lost}`)
    })
  }

  test('where another address has them all free, that one is taken', () => {
    const services = [hosting('first', 1, 'a.example'), hosting('second', 2, 'a.example,b.example')]
    assert.equal(given(services, TWO)['second'], '203.0.113.11 [443/TCP=a.example,b.example]')
  })

  test('a port without any host left is not given, nor made one that takes all', () => {
    const services = [
      hosting('first', 1, 'a.example'),
      hosting('second', 2, 'a.example', { ports: ['443', '25/UDP'], annotations: { address: '203.0.113.10' } }),
    ]
    assert.equal(given(services, ONE)['second'], '203.0.113.10 [25/UDP] HostTaken')
    assert.equal(
      given(
        [services[0], hosting('third', 3, 'a.example')].flatMap((one) => one ?? []),
        ONE,
      )['third'],
      'nothing PoolExhausted',
    )
  })

  test('the later one is told the host, the socket, who has it, and as what', () => {
    const wishes = { annotations: { address: '203.0.113.10' } }
    const services = [
      hosting('team-a/first', 1, '*.example,b.test'),
      hosting('second', 2, 'a.example,b.test,c.test', wishes),
    ]
    assert.deepEqual(told('second', services, ONE), [
      'Service default/second asks for host a.example on port 443/TCP of 203.0.113.10, which Service team-a/first holds as *.example. Choose another host or another address',
      'Service default/second asks for host b.test on port 443/TCP of 203.0.113.10, which Service team-a/first holds. Choose another host or another address',
    ])
  })

  test('the same hosts are had on both families', () => {
    const both = [pool('main', ['203.0.113.10', '2001:db8::1'])]
    const spec = { ipFamilies: ['IPv4', 'IPv6'] as const, ipFamilyPolicy: 'RequireDualStack' as const }
    const services = [
      hosting('four', 1, 'a.example'),
      hosting('six', 2, 'b.example', { spec: { ipFamilies: ['IPv6'] } }),
      hosting('dual', 3, 'a.example,b.example,c.example', { spec }),
    ]
    assert.equal(given(services, both)['dual'], '203.0.113.10 2001:db8::1 [443/TCP=c.example] HostTaken HostTaken')
  })
})

const families = (...ipFamilies: readonly ('IPv4' | 'IPv6')[]) => ({
  spec: { ipFamilies, ipFamilyPolicy: 'RequireDualStack' as const },
})

test('of two families, addresses that have the same hosts free are found, even if they are not the first ones', () => {
  const pools = [pool('main', ['203.0.113.10', '2001:db8::1-2001:db8::2'])]
  const services = [
    hosting('four', 1, 'a.example', families('IPv4')),
    hosting('six', 2, 'b.example', families('IPv6')),
    hosting('dual', 3, 'a.example,b.example', families('IPv6', 'IPv4')),
  ]
  assert.equal(given(services, pools)['dual'], '2001:db8::2 203.0.113.10 [443/TCP=b.example] HostTaken')
})

describe('recorded hosts', () => {
  const record = held('443/TCP=a.example,b.example', '203.0.113.10')

  test('come before those of an older Service', () => {
    const services = [hosting('old', 1, 'a.example,c.example'), hosting('young', 2, 'a.example,b.example', { record })]
    assert.deepEqual(given(services, ONE), {
      old: '203.0.113.10 [443/TCP=c.example] HostTaken',
      young: '203.0.113.10 [443/TCP=a.example,b.example]',
    })
  })

  test('a host that is added waits for its turn, one that is dropped is free at once', () => {
    const services = [
      hosting('old', 1, 'b.example'),
      hosting('young', 2, 'a.example,b.example,c.example', { record: held('443/TCP=a.example', '203.0.113.10') }),
    ]
    assert.equal(given(services, ONE)['young'], '203.0.113.10 [443/TCP=a.example,c.example] HostTaken')
    const dropping = [hosting('old', 1, 'b.example'), hosting('young', 2, 'a.example', { record })]
    assert.deepEqual(given(dropping, ONE), {
      old: '203.0.113.10 [443/TCP=b.example]',
      young: '203.0.113.10 [443/TCP=a.example]',
    })
  })

  test('who had all that no other takes, and now asks for hosts, makes room', () => {
    const services = [made('next', 1), hosting('web', 2, 'a.example', { record: held('443/TCP', '203.0.113.10') })]
    assert.deepEqual(given(services, ONE), { next: '203.0.113.10 [443/TCP]', web: '203.0.113.10 [443/TCP=a.example]' })
  })

  test('who had hosts, and now asks for all that no other takes, waits for its turn', () => {
    const services = [made('next', 1), made('web', 2, { record: held('443/TCP=a.example', '203.0.113.10') })]
    assert.deepEqual(given(services, ONE), { next: '203.0.113.10 [443/TCP]', web: '203.0.113.10 [] PortTaken' })
    assert.deepEqual(given(services.slice(1), ONE), { web: '203.0.113.10 [443/TCP]' })
  })

  test('stay while an annotation is malformed, the hosts themselves included', () => {
    const broken = hosting('web', 2, 'A Host', { record })
    const wants = hosting('wants', 1, 'a.example,d.example')
    assert.deepEqual(given([broken, wants], ONE), {
      wants: '203.0.113.10 [443/TCP=d.example] HostTaken',
      web: '203.0.113.10 [443/TCP=a.example,b.example]',
    })
  })

  test('a second run over the first gives the same', () => {
    const services = [hosting('a', 1, 'a.example,b.example'), hosting('b', 2, 'b.example,c.example'), made('rest', 3)]
    assert.deepEqual(given(recorded(services, ONE), ONE), given(services, ONE))
  })
})

describe('hosts that the class keeps for namespaces', () => {
  const reservedHosts = new Map([
    ['*.a.example', ['team-a']],
    ['shop.a.example', ['team-b']],
    ['b.example', ['team-b', 'team-c']],
  ])
  const SPEC = { pools: ONE, rules: { ...classSpec().rules, reservedHosts } }
  const outcome = (one: ServiceObject) => Object.values(given([one], SPEC))[0]

  const cases: readonly (readonly [namespace: string, hosts: string, result: string])[] = [
    ['team-a', 'x.a.example', '=x.a.example]'],
    ['team-b', 'x.a.example', 'nothing HostReserved'],
    ['team-b', '*.a.example', 'nothing HostReserved'],
    // What it stands for is not of this pattern.
    ['team-b', 'x.y.a.example', '=x.y.a.example]'],
    ['team-b', 'a.example', '=a.example]'],
    // A name of its own goes before the wildcard of others,
    ['team-b', 'shop.a.example', '=shop.a.example]'],
    ['team-a', 'shop.a.example', 'nothing HostReserved'],
    // and a wildcard would take it in.
    ['team-a', '*.a.example', 'nothing HostReserved'],
    ['team-a', '*.example', 'nothing HostReserved'],
    ['team-c', 'b.example,c.example', '=b.example,c.example]'],
    ['team-a', 'b.example,c.example', '=c.example] HostReserved'],
  ]
  for (const [namespace, hosts, result] of cases) {
    test(`${hosts} for ${namespace}: ${result.replace('=', '').replace(']', '')}`, () => {
      const expected = result.startsWith('nothing') ? result : `203.0.113.10 [443/TCP${result}`
      assert.equal(outcome(hosting(`${namespace}/web`, 1, hosts)), expected)
    })
  }

  test('are told with what keeps them, and for whom', () => {
    const web = hosting('web', 1, 'x.a.example,b.example')
    assert.deepEqual(told('web', [web], SPEC), [
      'Service default/web asks for host b.example on port 443/TCP, which its class keeps for namespaces team-b, team-c. Choose another host, or have the namespace added to hosts of the class',
      'Service default/web asks for host x.a.example on port 443/TCP, which its class keeps for namespace team-a as *.a.example. Choose another host, or have the namespace added to hosts of the class',
    ])
  })

  test('are taken back, from who cannot be read too', () => {
    const record = held('443/TCP=b.example,c.example', '203.0.113.10')
    assert.equal(
      outcome(hosting('web', 1, 'b.example,c.example', { record })),
      '203.0.113.10 [443/TCP=c.example] HostReserved',
    )
    assert.equal(outcome(hosting('web', 1, 'Malformed', { record })), '203.0.113.10 [443/TCP=c.example]')
  })
})
