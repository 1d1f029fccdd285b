import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { given, recorded } from '../../support/allocations.ts'
import { createdAt, held, pool, type ServiceWishes, service } from '../../support/builders.ts'

const MAIN = [pool('main', ['203.0.113.10-203.0.113.12'])]
const DUAL = [pool('main', ['203.0.113.10-203.0.113.12', '2001:db8::1-2001:db8::3'])]
const made = (name: string, second: number, wishes: ServiceWishes = {}) =>
  service(name, { ...wishes, meta: createdAt(second) })

describe('what is recorded comes first', () => {
  test('before an older Service without a record', () => {
    const services = [made('old', 1), made('young', 2, { record: held('443/TCP', '203.0.113.10') })]
    assert.deepEqual(given(services, MAIN), { old: '203.0.113.11 [443/TCP]', young: '203.0.113.10 [443/TCP]' })
  })

  test('before a request for the same address', () => {
    const services = [
      made('wants', 1, { annotations: { address: '203.0.113.12' } }),
      made('holds', 2, { record: held('443/TCP', '203.0.113.12') }),
    ]
    assert.deepEqual(given(services, MAIN), { wants: 'nothing PortTaken', holds: '203.0.113.12 [443/TCP]' })
  })

  test('LoadBalancer, NodePort and back keeps the address', () => {
    const record = held('443/TCP', '203.0.113.12')
    for (const type of ['LoadBalancer', 'NodePort', 'LoadBalancer'] as const) {
      assert.deepEqual(given([made('web', 1, { type, record })], MAIN), { web: '203.0.113.12 [443/TCP]' })
    }
  })

  test('a new port loses against the recorded port of a younger Service, and the old ones stay', () => {
    const services = [
      made('old', 1, { ports: ['80', '443'], record: held('80/TCP', '203.0.113.10') }),
      made('young', 2, { record: held('443/TCP', '203.0.113.10') }),
    ]
    assert.deepEqual(given(services, MAIN), {
      old: '203.0.113.10 [80/TCP] PortTaken',
      young: '203.0.113.10 [443/TCP]',
    })
  })

  test('a port that a Service gave up is free at once', () => {
    const services = [
      made('a', 1, { ports: ['80'], record: held('80/TCP 443/TCP', '203.0.113.10') }),
      made('b', 2, { annotations: { address: '203.0.113.10' } }),
    ]
    assert.deepEqual(given(services, MAIN), { a: '203.0.113.10 [80/TCP]', b: '203.0.113.10 [443/TCP]' })
  })

  test('of two records that clash the older Service keeps the port', () => {
    const record = held('443/TCP', '203.0.113.10')
    assert.deepEqual(given([made('b', 2, { record }), made('a', 1, { record })], MAIN), {
      a: '203.0.113.10 [443/TCP]',
      b: '203.0.113.10 [] PortTaken',
    })
  })

  test('sharing that is withdrawn moves nobody, and lets nobody new in', () => {
    const services = [
      made('a', 1, { ports: ['80'], annotations: { sharing: 'dedicated' }, record: held('80/TCP', '203.0.113.10') }),
      made('b', 2, { ports: ['81'], record: held('81/TCP', '203.0.113.10') }),
      made('c', 3, { ports: ['82'] }),
    ]
    assert.deepEqual(given(services, MAIN), {
      a: '203.0.113.10 [80/TCP]',
      b: '203.0.113.10 [81/TCP]',
      c: '203.0.113.11 [82/TCP]',
    })
  })

  test('a restart, however often, changes nothing', () => {
    const services = [
      made('a', 3, { ports: ['80', '443'] }),
      made('b', 1),
      made('c', 2, { annotations: { sharing: 'dedicated' } }),
      made('d', 4),
    ]
    const first = given(services, MAIN)
    const once = recorded(services, MAIN)
    assert.deepEqual(given(once, MAIN), first)
    assert.deepEqual(recorded(once, MAIN), once)
  })
})

describe('while an annotation is malformed', () => {
  test('a Service keeps what is recorded, ports that it cannot name any more included', () => {
    const annotations = { ports: 'https=44x3' }
    const record = held('443/TCP 25/TCP', '203.0.113.12')
    const web = made('web', 1, { type: 'NodePort', ports: ['https:8443'], annotations, record })
    const rival = made('rival', 2, { annotations: { address: '203.0.113.12' } })
    assert.deepEqual(given([rival, web], MAIN), { web: '203.0.113.12 [443/TCP 25/TCP]', rival: 'nothing PortTaken' })
  })

  test('it keeps both addresses, though the families cannot be read', () => {
    const record = held('443/TCP', '203.0.113.12', '2001:db8::3')
    const web = made('web', 1, { annotations: { families: 'both' }, record })
    assert.deepEqual(given([web], DUAL), { web: '203.0.113.12 2001:db8::3 [443/TCP]' })
  })

  test('a Service that holds nothing gets nothing: what it got by guessing, it would keep', () => {
    assert.deepEqual(given([made('web', 1, { annotations: { pool: 'No Pool' } })], MAIN), { web: 'nothing' })
  })

  test('nothing is said of a pool that it names', () => {
    const annotations = { pool: 'gold', balance: 'fastest' }
    const web = made('web', 1, { annotations, record: held('443/TCP', '203.0.113.12') })
    assert.deepEqual(given([web], [...MAIN, pool('gold', ['198.51.100.1'])]), { web: '203.0.113.12 [443/TCP]' })
  })

  test('an unknown annotation stops nothing', () => {
    assert.deepEqual(given([made('web', 1, { annotations: { weather: 'x' } })], MAIN), {
      web: '203.0.113.10 [443/TCP]',
    })
  })
})

const dual = (policy: 'PreferDualStack' | 'RequireDualStack') => ({
  ipFamilies: ['IPv4', 'IPv6'] as const,
  ipFamilyPolicy: policy,
})

describe('families', () => {
  const V4_ONLY = [pool('main', ['203.0.113.10'])]
  const TWO_POOLS = [pool('v4', ['203.0.113.10']), pool('v6', ['2001:db8::1'])]

  test('come from the Service, in its order', () => {
    const web = made('web', 1, { spec: { ipFamilies: ['IPv6', 'IPv4'] } })
    assert.deepEqual(given([web], DUAL), { web: '2001:db8::1 203.0.113.10 [443/TCP]' })
  })

  test('fairway.dev/families is of the frontend, whatever the Service has behind it', () => {
    const web = made('web', 1, { annotations: { families: 'IPv6' } })
    assert.deepEqual(given([web], DUAL), { web: '2001:db8::1 [443/TCP]' })
  })

  test('one address of each, both requested', () => {
    const web = made('web', 1, { annotations: { address: '2001:db8::2,203.0.113.12' } })
    assert.deepEqual(given([web], DUAL), { web: '2001:db8::2 203.0.113.12 [443/TCP]' })
  })

  test('PreferDualStack makes do with one family, and says nothing', () => {
    const web = made('web', 1, { spec: dual('PreferDualStack') })
    assert.deepEqual(given([web], V4_ONLY), { web: '203.0.113.10 [443/TCP]' })
  })

  test('PreferDualStack adds the second family once its pool has it', () => {
    const web = made('web', 1, { spec: dual('PreferDualStack'), record: held('443/TCP', '203.0.113.12') })
    assert.deepEqual(given([web], DUAL), { web: '203.0.113.12 2001:db8::1 [443/TCP]' })
  })

  test('RequireDualStack takes both or nothing', () => {
    const web = made('web', 1, { spec: dual('RequireDualStack') })
    assert.deepEqual(given([web], V4_ONLY), { web: 'nothing FamilyUnavailable' })
    const [first, second] = [
      made('a', 1, { annotations: { families: 'IPv6' } }),
      made('b', 2, { spec: dual('RequireDualStack') }),
    ]
    const pools = [pool('main', ['203.0.113.10', '2001:db8::1'])]
    assert.deepEqual(given([first, second], pools), { a: '2001:db8::1 [443/TCP]', b: 'nothing PoolExhausted' })
  })

  test('both come from one pool, and so a second run over the first finds nothing more', () => {
    const web = made('web', 1, { spec: dual('PreferDualStack') })
    const once = recorded([web], TWO_POOLS)
    assert.deepEqual(given(once, TWO_POOLS), { web: '203.0.113.10 [443/TCP]' })
    const strict = made('web', 1, { spec: dual('RequireDualStack') })
    assert.deepEqual(given([strict], TWO_POOLS), { web: 'nothing FamilyUnavailable' })
  })

  test('a pool that has both is preferred to an earlier one that has one', () => {
    const pools = [pool('v4', ['198.51.100.1']), ...DUAL]
    const web = made('web', 1, { spec: dual('PreferDualStack') })
    assert.deepEqual(given([web], pools), { web: '203.0.113.10 2001:db8::1 [443/TCP]' })
  })

  test('a family that is given up frees its address', () => {
    const a = made('a', 1, { record: held('443/TCP', '203.0.113.10', '2001:db8::1') })
    const b = made('b', 2, { annotations: { address: '2001:db8::1' } })
    assert.deepEqual(given([a, b], DUAL), { a: '203.0.113.10 [443/TCP]', b: '2001:db8::1 [443/TCP]' })
  })

  test('one that is asked for in place of another, and cannot be had, leaves what is served where it is', () => {
    const record = held('443/TCP', '203.0.113.10')
    const web = made('web', 2, { annotations: { families: 'IPv6' }, record })
    const wants = made('wants', 1, { annotations: { address: '203.0.113.10' } })
    assert.deepEqual(given([web, wants], V4_ONLY), {
      wants: 'nothing PortTaken',
      web: '203.0.113.10 [443/TCP] FamilyUnavailable',
    })
    assert.deepEqual(given([web], DUAL), { web: '2001:db8::1 [443/TCP]' })
  })

  test('a port must be free on both', () => {
    const a = made('a', 1, { annotations: { address: '2001:db8::1' } })
    const b = made('b', 2, { ports: ['443', '80'], annotations: { address: '203.0.113.10,2001:db8::1' } })
    assert.equal(given([a, b], DUAL)['b'], '203.0.113.10 2001:db8::1 [80/TCP] PortTaken')
  })
})
