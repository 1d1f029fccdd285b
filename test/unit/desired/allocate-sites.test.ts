// Pools that name their proxies: an address of one machine does not work on another, so a Service gets one of each.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { given, recorded, told } from '../../support/allocations.ts'
import { createdAt, held, pool, type ServiceWishes, service } from '../../support/builders.ts'

const made = (name: string, second: number, wishes: ServiceWishes = {}) =>
  service(name, { ...wishes, meta: createdAt(second) })
const EAST = pool('east', ['203.0.113.10-203.0.113.11', '2001:db8::10'], { proxies: ['edge-1'] })
const WEST = pool('west', ['198.51.100.20-198.51.100.21', '2001:db8::20'], { proxies: ['edge-2', 'edge-3'] })
const SITES = [EAST, WEST]
const DUAL = { ipFamilies: ['IPv4', 'IPv6'] as const, ipFamilyPolicy: 'PreferDualStack' as const }

describe('a Service gets', () => {
  test('one address of each site', () =>
    assert.deepEqual(given([made('web', 1)], SITES), { web: '203.0.113.10 198.51.100.20 [443/TCP]' }))

  test('one of each family of each site', () =>
    assert.deepEqual(given([made('web', 1, { spec: DUAL })], SITES), {
      web: '203.0.113.10 198.51.100.20 2001:db8::10 2001:db8::20 [443/TCP]',
    }))

  test('and one of all the pools that every proxy has', () => {
    const pools = [...SITES, pool('all', ['192.0.2.1']), pool('more', ['192.0.2.2'])]
    const services = [made('a', 1), made('b', 2)]
    assert.deepEqual(given(services, pools), {
      a: '203.0.113.10 198.51.100.20 192.0.2.1 [443/TCP]',
      b: '203.0.113.11 198.51.100.21 192.0.2.2 [443/TCP]',
    })
  })

  test('nothing of a site that is closed to it, or gives nothing unasked', () => {
    const pools = [EAST, { ...WEST, namespaces: ['team-a'] }]
    assert.deepEqual(given([made('web', 1)], pools), { web: '203.0.113.10 [443/TCP]' })
    assert.deepEqual(given([made('web', 1)], [EAST, { ...WEST, autoAssign: false }]), { web: '203.0.113.10 [443/TCP]' })
  })

  test('nothing of a site that has no such family, as long as another has', () => {
    const pools = [
      pool('east', ['203.0.113.10'], { proxies: ['edge-1'] }),
      pool('west', ['2001:db8::20'], { proxies: ['edge-2'] }),
    ]
    assert.deepEqual(given([made('web', 1)], pools), { web: '203.0.113.10 [443/TCP]' })
    assert.deepEqual(given([made('web', 1, { spec: DUAL })], pools), { web: '203.0.113.10 2001:db8::20 [443/TCP]' })
    const strict = made('web', 1, { annotations: { families: 'IPv4,IPv6' } })
    assert.deepEqual(given([strict], [EAST, pool('v4', ['192.0.2.1'])]), {
      web: '203.0.113.10 192.0.2.1 2001:db8::10 [443/TCP]',
    })
    const nowhere = made('web', 1, { spec: { ipFamilies: ['IPv6'] } })
    const v4only = [pools[0], pool('other', ['192.0.2.1'])].flatMap((one) => one ?? [])
    assert.deepEqual(given([nowhere], v4only), { web: 'nothing FamilyUnavailable' })
    assert.deepEqual(given([strict], v4only), { web: 'nothing FamilyUnavailable' })
  })

  test('one address of the pool that it names, and no other', () => {
    const web = made('web', 1, { annotations: { pool: 'west' } })
    assert.deepEqual(given([web], SITES), { web: '198.51.100.20 [443/TCP]' })
  })
})

describe('a site that is full', () => {
  const NARROW = [EAST, pool('west', ['198.51.100.20'], { proxies: ['edge-2'] })]

  test('is told of, and the others give', () => {
    const services = [made('a', 1), made('b', 2)]
    assert.deepEqual(given(services, NARROW), {
      a: '203.0.113.10 198.51.100.20 [443/TCP]',
      b: '203.0.113.11 [443/TCP] PoolExhausted',
    })
    assert.deepEqual(told('b', services, NARROW), [
      'Service default/b gets no address of 198.51.100.20 (pool west): none has 443/TCP free (198.51.100.20: Service default/a). Add addresses to a pool of the class, or free the port',
    ])
  })

  test('gives as soon as it can', () => {
    const [, b] = recorded([made('a', 1), made('b', 2)], NARROW)
    assert.ok(b)
    assert.deepEqual(given([b], NARROW), { b: '203.0.113.11 198.51.100.20 [443/TCP]' })
  })

  test('does not cost a Service any of its hosts elsewhere once it has them', () => {
    const hosts = { annotations: { hosts: 'a.example,b.example' } }
    const web = made('web', 1, { ...hosts, record: held('443/TCP=a.example,b.example', '203.0.113.10') })
    const holder = made('holder', 2, {
      annotations: { hosts: 'b.example', address: '198.51.100.20' },
      record: held('443/TCP=b.example', '198.51.100.20'),
    })
    assert.equal(given([web, holder], NARROW)['web'], '203.0.113.10 [443/TCP=a.example,b.example] PoolExhausted')
  })
})

describe('a requested address', () => {
  test('is that of its site, and the others give theirs', () => {
    const web = made('web', 1, { annotations: { address: '198.51.100.21' } })
    assert.deepEqual(given([web], SITES), { web: '198.51.100.21 203.0.113.10 [443/TCP]' })
  })

  test('replaces the one of its site and family', () => {
    const record = held('443/TCP', '203.0.113.10', '198.51.100.20', '2001:db8::10', '2001:db8::20')
    const web = made('web', 1, { spec: DUAL, annotations: { address: '198.51.100.21' }, record })
    assert.deepEqual(given([web], SITES), { web: '203.0.113.10 198.51.100.21 2001:db8::10 2001:db8::20 [443/TCP]' })
  })

  test('replaces one that has left the pools, whatever its site was', () => {
    const record = held('443/TCP', '192.0.2.99', '203.0.113.10')
    const web = made('web', 1, { annotations: { address: '198.51.100.21' }, record })
    assert.deepEqual(given([web], SITES), { web: '203.0.113.10 198.51.100.21 [443/TCP]' })
  })

  test('of a site that gives nothing unasked: the other family comes from there too', () => {
    const pools = [pool('main', ['203.0.113.10']), { ...WEST, autoAssign: false }]
    const web = made('web', 1, { spec: DUAL, annotations: { address: '198.51.100.21' } })
    assert.deepEqual(given([web], pools), { web: '198.51.100.21 203.0.113.10 2001:db8::20 [443/TCP]' })
  })

  test('on which one of its hosts is taken: other sites must have one of those that are left', () => {
    const hosts = (name: string, one: string, address: string) =>
      made(name, 1, { annotations: { hosts: one, address, pool: address.startsWith('203') ? 'east' : 'west' } })
    const holders = [
      hosts('a', 'a.example', '203.0.113.10'),
      hosts('b', 'b.example', '198.51.100.20'),
      hosts('c', 'b.example', '198.51.100.21'),
    ]
    const annotations = { hosts: 'a.example,b.example', address: '203.0.113.10' }
    assert.equal(
      given([...holders, made('web', 2, { annotations })], SITES)['web'],
      '203.0.113.10 [443/TCP=b.example] PoolExhausted HostTaken',
    )
  })

  test('that cannot be had keeps what there is, and for a newcomer leaves nothing', () => {
    const holder = made('holder', 1, { annotations: { pool: 'west' } })
    const wants = { annotations: { address: '198.51.100.20' } }
    const record = held('443/TCP', '203.0.113.11', '198.51.100.21')
    assert.equal(
      given([holder, made('web', 2, { ...wants, record })], SITES)['web'],
      '203.0.113.11 198.51.100.21 [443/TCP] PortTaken',
    )
    assert.equal(given([holder, made('web', 2, wants)], SITES)['web'], 'nothing PortTaken')
    const elsewhere = made('web', 2, { annotations: { address: '192.0.2.99' } })
    assert.equal(given([elsewhere], SITES)['web'], 'nothing AddressOutsidePools')
  })
})

describe('edits of the sites', () => {
  const both = held('443/TCP', '203.0.113.10', '198.51.100.20')

  test('a new site adds its address, and moves nobody', () => {
    const [web] = recorded([made('web', 1)], [EAST])
    assert.ok(web)
    assert.deepEqual(given([web], SITES), { web: '203.0.113.10 198.51.100.20 [443/TCP]' })
  })

  test('pools that stop to name proxies take nothing back', () => {
    const pools = SITES.map((one) => ({ ...one, proxies: [] }))
    assert.deepEqual(given([made('web', 1, { record: both })], pools), { web: '203.0.113.10 198.51.100.20 [443/TCP]' })
  })

  test('pools that begin to name proxies add what is missing', () => {
    const web = made('web', 1, { record: held('443/TCP', '203.0.113.11') })
    assert.deepEqual(given([web], SITES), { web: '203.0.113.11 198.51.100.20 [443/TCP]' })
  })

  test('nothing is added for who cannot be read', () => {
    const record = held('443/TCP', '203.0.113.11')
    const web = made('web', 1, { annotations: { balance: 'fastest' }, record })
    assert.deepEqual(given([web], SITES), { web: '203.0.113.11 [443/TCP]' })
  })

  test('a family that no site has any more is not missed while its address is there', () => {
    const sites = SITES.map((one) => ({ ...one, addresses: one.addresses.filter(({ family }) => family === 'IPv4') }))
    const record = held('443/TCP', '203.0.113.10', '198.51.100.20', '2001:db8::10')
    const web = made('web', 1, { annotations: { families: 'IPv4,IPv6' }, record })
    assert.deepEqual(given([web], sites), {
      web: '203.0.113.10 198.51.100.20 2001:db8::10 [443/TCP] AddressLeftPools',
    })
  })

  test('a site that goes leaves its address with its Service, which is told', () => {
    const web = made('web', 1, { record: both })
    assert.deepEqual(given([web], [EAST]), { web: '203.0.113.10 198.51.100.20 [443/TCP] AddressLeftPools' })
    assert.deepEqual(given([web], { pools: [EAST], evict: true }), { web: '203.0.113.10 [443/TCP]' })
  })

  test('a port must be free at each site', () => {
    const holder = made('holder', 2, {
      ports: ['80'],
      annotations: { pool: 'west' },
      record: held('80/TCP', '198.51.100.20'),
    })
    const web = made('web', 1, { ports: ['443', '80'], record: both })
    assert.equal(given([web, holder], SITES)['web'], '203.0.113.10 198.51.100.20 [443/TCP] PortTaken')
  })
})
