// MetalLB's allocator cases under their own names (metallb/metallb, internal/allocator/allocator_test.go and controller/), as far as they
// apply: the addresses are ours, the outcome is MetalLB's unless the comment says why it is not.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Pool } from '../../../src/desired/pools.ts'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import { createdAt, given, held, pool, recorded, type ServiceWishes, service } from '../../support/builders.ts'

const made = (name: string, second: number, wishes: ServiceWishes = {}) =>
  service(name, { ...wishes, meta: createdAt(second) })
const wanting = (name: string, second: number, address: string, wishes: ServiceWishes = {}) =>
  made(name, second, { ...wishes, annotations: { address, ...wishes.annotations } })
const S1 = made('s1', 1, { record: held('443/TCP', '203.0.113.11') })

/** S1 keeps its address over these pools. */
function stays(name: string, pools: readonly Pool[]): void {
  test(name, () => assert.deepEqual(given([S1], pools), { s1: '203.0.113.11 [443/TCP]' }))
}

describe('TestConfigReload', () => {
  stays('set same config is no-op', [pool('test', ['203.0.113.10-203.0.113.11'])])
  stays('expand pool', [pool('test', ['203.0.113.0/24'])])
  stays('shrink pool', [pool('test', ['203.0.113.11'])])
  // MetalLB takes the address away here; we keep what is served until its Service asks for another one.
  stays("can't shrink further, removing the service allocation", [pool('test', ['203.0.113.10'])])
  stays('rename the pool', [pool('renamed', ['203.0.113.10-203.0.113.11'])])
  stays('split pool', [pool('a', ['203.0.113.10']), pool('b', ['203.0.113.11'])])
  stays('swap pool names', [pool('b', ['203.0.113.10']), pool('a', ['203.0.113.11'])])
  // MetalLB unassigns; see above.
  stays('delete all pools', [])
  stays('turn off autoAssign, which evicts nobody', [pool('test', ['203.0.113.11'], { autoAssign: false })])
  stays('close the pool to the namespace, which evicts nobody', [pool('test', ['203.0.113.11'], { namespaces: ['x'] })])

  const EDGE = '203.0.113.0'
  test('enable buggy IPs not allowed: who has one keeps it, nobody new gets one', () => {
    const pools = [pool('test', ['203.0.113.0-203.0.113.1'], { avoidEdgeAddresses: true })]
    const services = [
      made('s1', 1, { record: held('443/TCP', EDGE) }),
      made('s2', 2),
      wanting('s3', 3, EDGE, { ports: ['80'] }),
    ]
    assert.deepEqual(given(services, pools), {
      s1: `${EDGE} [443/TCP]`,
      s2: '203.0.113.1 [443/TCP]',
      s3: 'nothing AddressOutsidePools',
    })
  })
})

describe('TestAssignment', () => {
  const POOLS = [
    pool('test0', ['203.0.113.10-203.0.113.11', '2001:db8::1-2001:db8::2']),
    pool('test1', ['198.51.100.1', '2001:db8:1::1']),
  ]
  const IP = '203.0.113.10'
  const s3 = (wishes: ServiceWishes = {}) => wanting('s3', 3, IP, { ports: ['80'], ...wishes })
  const s4 = (wishes: ServiceWishes = {}) => made('s4', 4, { ports: ['443'], record: held('443/TCP', IP), ...wishes })
  const outcome = (services: readonly ServiceObject[]) => given(services, POOLS)

  test('assign s1', () => assert.deepEqual(outcome([wanting('s1', 1, IP)]), { s1: `${IP} [443/TCP]` }))

  test('s1 idempotent reassign', () => {
    const once = recorded([wanting('s1', 1, IP)], POOLS)
    assert.deepEqual(recorded(once, POOLS), once)
  })

  test("s2 can't grab s1's IP", () =>
    assert.deepEqual(outcome([wanting('s1', 1, IP), wanting('s2', 2, IP)]), {
      s1: `${IP} [443/TCP]`,
      s2: 'nothing PortTaken',
    }))

  test('s2 can get the other IP', () =>
    assert.equal(outcome([wanting('s1', 1, IP), wanting('s2', 2, '203.0.113.11')])['s2'], '203.0.113.11 [443/TCP]'))

  test("s1 now can't grab s2's IP, and keeps its own", () => {
    const s1 = wanting('s1', 1, '203.0.113.11', { record: held('443/TCP', IP) })
    const s2 = made('s2', 2, { record: held('443/TCP', '203.0.113.11') })
    assert.deepEqual(outcome([s1, s2]), { s1: `${IP} [443/TCP] PortTaken`, s2: '203.0.113.11 [443/TCP]' })
  })

  test("s1 frees its IP: s2 can grab s1's former IP", () =>
    assert.equal(outcome([wanting('s2', 2, IP)])['s2'], `${IP} [443/TCP]`))

  test('s1 can grab an IP assigned to s2, if shared', () => assert.equal(outcome([s3(), s4()])['s3'], `${IP} [80/TCP]`))

  test('s4 changes its sharing key in place', () =>
    assert.equal(outcome([s4({ annotations: { sharing: 'dedicated' } })])['s4'], `${IP} [443/TCP]`))

  test("s3 can't share with s4 (port conflict)", () =>
    assert.equal(outcome([s3({ ports: ['443'] }), s4()])['s3'], 'nothing PortTaken'))

  test("s3 can't share with s4 (wrong sharing key)", () =>
    assert.equal(outcome([s3(), s4({ annotations: { sharing: 'dedicated' } })])['s3'], 'nothing PortTaken'))

  // MetalLB needs equal backends, since it announces an address from one node. A proxy leads each port wherever it wants.
  test("s3 can't share with s4 (wrong backend key): here it can", () =>
    assert.equal(outcome([s3({ spec: { externalTrafficPolicy: 'Local' } }), s4()])['s3'], `${IP} [80/TCP]`))

  test('s3 takes the same IP as s4 with another protocol', () =>
    assert.equal(outcome([s3({ ports: ['443/UDP'] }), s4()])['s3'], `${IP} [443/UDP]`))

  test('s3 can change its ports while keeping the same IP', () =>
    assert.equal(outcome([s3({ ports: ['8080'], record: held('80/TCP', IP) }), s4()])['s3'], `${IP} [8080/TCP]`))

  test("s3 can't change its ports to one of s4's, and is not cut off for it", () =>
    assert.equal(
      outcome([s3({ ports: ['80', '443'], record: held('80/TCP', IP) }), s4()])['s3'],
      `${IP} [80/TCP] PortTaken`,
    ))

  test('unknown IP', () => assert.equal(outcome([wanting('s1', 1, '192.0.2.1')])['s1'], 'nothing AddressOutsidePools'))

  test('ip dual-stack assign s1', () =>
    assert.equal(outcome([wanting('s1', 1, '203.0.113.10,2001:db8::1')])['s1'], '203.0.113.10 2001:db8::1 [443/TCP]'))

  // MetalLB refuses. Both are asked for by name, and every proxy of a class holds all its addresses.
  test('ip dual-stack assign s1 from different pools: here it may', () =>
    assert.equal(
      outcome([wanting('s1', 1, '203.0.113.10,2001:db8:1::1')])['s1'],
      '203.0.113.10 2001:db8:1::1 [443/TCP]',
    ))

  test('two IPs of one family', () =>
    assert.equal(outcome([wanting('s1', 1, '203.0.113.10,203.0.113.11')])['s1'], 'nothing'))
})

const from = (name: string, second: number, wishes: ServiceWishes = {}) =>
  made(name, second, { ...wishes, annotations: { pool: 'test', ...wishes.annotations } })

describe('TestPoolAllocation', () => {
  const POOLS = [
    pool('not-this-one', ['192.168.0.0/16']),
    pool('test', ['1.2.3.4/31', '1000::4/127']),
    pool('empty', ['5.5.5.5']),
  ]

  test('s1 gets an IP, s2 gets an IP, s3 gets an error: the named pool is full, and no other one is tried', () =>
    assert.deepEqual(given([from('s1', 1), from('s2', 2), from('s3', 3)], POOLS), {
      s1: '1.2.3.4 [443/TCP]',
      s2: '1.2.3.5 [443/TCP]',
      s3: 'nothing PoolExhausted',
    }))

  test('s1 releases its IP: s3 gets it', () =>
    assert.equal(
      given([from('s2', 2, { record: held('443/TCP', '1.2.3.5') }), from('s3', 3)], POOLS)['s3'],
      '1.2.3.4 [443/TCP]',
    ))

  test('IPv6, and dual-stack', () =>
    assert.deepEqual(
      given(
        [from('s1', 1, { spec: { ipFamilies: ['IPv6'] } }), from('s2', 2, { spec: { ipFamilies: ['IPv4', 'IPv6'] } })],
        POOLS,
      ),
      {
        s1: '1000::4 [443/TCP]',
        s2: '1.2.3.4 1000::5 [443/TCP]',
      },
    ))

  test('incompatible ip and address pool annotations', () =>
    assert.equal(
      given([from('s1', 1, { annotations: { address: '5.5.5.5' } })], POOLS)['s1'],
      'nothing AddressOutsidePools',
    ))
})

describe('TestAutoAssign', () => {
  const POOLS = [
    pool('not-auto', ['1.2.3.4/31'], { autoAssign: false }),
    pool('late', ['1.2.3.20']),
    pool('second', ['1.2.3.12'], { priority: 20 }),
    pool('first', ['1.2.3.10'], { priority: 10 }),
    pool('theirs', ['1.2.3.0'], { priority: 1, namespaces: ['team-a'] }),
  ]

  test('by ascending priority, 0 last, autoAssign: false never, a pool of a namespace for that namespace', () => {
    const services = [made('s1', 1), made('s2', 2), made('s3', 3), made('s4', 4), made('team-a/s5', 5)]
    assert.deepEqual(given(services, POOLS), {
      s1: '1.2.3.10 [443/TCP]',
      s2: '1.2.3.12 [443/TCP]',
      s3: '1.2.3.20 [443/TCP]',
      s4: 'nothing PoolExhausted',
      'team-a/s5': '1.2.3.0 [443/TCP]',
    })
  })

  test('pools of one priority in the order of the configuration, where MetalLB takes any', () => {
    const pools = [pool('b', ['1.2.3.20'], { priority: 5 }), pool('a', ['1.2.3.10'], { priority: 5 })]
    assert.equal(given([made('s1', 1)], pools)['s1'], '1.2.3.20 [443/TCP]')
  })
})

test('TestBuggyIPs', () => {
  const pools = [
    pool('test', ['1.2.3.0/31', '1.2.3.254/31'], { avoidEdgeAddresses: true, priority: 1 }),
    pool('test2', ['1.2.4.0/31', '1000::/127']),
  ]
  const services = [made('s1', 1), made('s2', 2), made('s3', 3), made('s4', 4), made('s5', 5)]
  assert.deepEqual(given(services, pools), {
    s1: '1.2.3.1 [443/TCP]',
    s2: '1.2.3.254 [443/TCP]',
    s3: '1.2.4.0 [443/TCP]',
    s4: '1.2.4.1 [443/TCP]',
    s5: 'nothing PoolExhausted',
  })
})

describe('controller', () => {
  const ONE = [pool('pool1', ['203.0.113.10'])]

  test('TestDeleteRecyclesIP', () => {
    const [first, second] = [made('test', 1), made('test2', 2)]
    const both = recorded([first, second], ONE)
    assert.deepEqual(given(both, ONE), { test: '203.0.113.10 [443/TCP]', test2: 'nothing PoolExhausted' })
    assert.deepEqual(given(both.slice(1), ONE), { test2: '203.0.113.10 [443/TCP]' })
  })

  test('TestControllerReassign: a Service without an address gets one once a pool has it', () => {
    const web = made('test', 1)
    assert.deepEqual(given(recorded([web], []), ONE), { test: '203.0.113.10 [443/TCP]' })
  })

  test('invalid ingress state: what status.loadBalancer says is nobody’s claim', () => {
    const web = made('test', 1)
    const ingress = [{ ip: '203.0.113.99', ports: [] }]
    assert.deepEqual(given([{ ...web, status: { ...web.status, loadBalancer: { ingress } } }], ONE), {
      test: '203.0.113.10 [443/TCP]',
    })
  })
})
