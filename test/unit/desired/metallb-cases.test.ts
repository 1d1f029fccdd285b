// The cases of MetalLB's allocator under their own names (metallb/metallb, internal/allocator/allocator_test.go), step by step where they build on
// each other. Where the outcome is not MetalLB's, the name says so behind "here". Without counterpart: pools pinned to Services by label, TestPoolCount
// and TestPoolMetrics, since nothing counts pools. Sharing keys are our fairway.dev/sharing; backend keys are equal externalTrafficPolicy or selectors,
// which nobody needs to share an address of a proxy.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Pool } from '../../../src/desired/pools.ts'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import { given, recorded } from '../../support/allocations.ts'
import { createdAt, held, pool, type ServiceWishes, service } from '../../support/builders.ts'

type Step = readonly [desc: string, name: string, wishes: ServiceWishes | 'goes', want: string | undefined]

/** Each step changes one Service; what all are given then is recorded before the next. */
function play(title: string, pools: readonly Pool[], steps: readonly Step[]): void {
  let world: readonly ServiceObject[] = []
  const outcomes = steps.map(([, name, wishes]) => {
    const status = world.find(({ metadata }) => metadata.name === name)?.status
    const others = world.filter(({ metadata }) => metadata.name !== name)
    const changed = wishes === 'goes' ? [] : [{ ...service(name, wishes), ...(status && { status }) }]
    world = [...others, ...changed]
    const outcome = given(world, pools)[name]
    world = recorded(world, pools)
    return outcome
  })
  describe(title, () => {
    for (const [at, [desc, , , want]] of steps.entries()) test(desc, () => assert.equal(outcomes[at], want))
  })
}

interface Addresses {
  readonly family: 'IPv4' | 'IPv6'
  readonly first: string
  readonly second: string
  readonly zero: string
  readonly high: string
  readonly low: string
}
const V4: Addresses = {
  family: 'IPv4',
  first: '1.2.3.4',
  second: '1.2.3.5',
  zero: '1.2.4.0',
  high: '1.2.4.254',
  low: '1.2.4.3',
}
const V6: Addresses = {
  family: 'IPv6',
  first: '1000::4',
  second: '1000::5',
  zero: '1000::4:0',
  high: '1000::4:9',
  low: '1000::4:3',
}
const ASSIGNMENT = [
  pool('test', ['1.2.3.4/31', '1000::4/127']),
  pool('test2', ['1.2.4.0/24', '1000::4:0/120'], { avoidEdgeAddresses: true }),
  pool('test3', ['1.2.5.0/24', '1000::5:0/120'], { avoidEdgeAddresses: true, namespaces: ['test-ns1'] }),
]

const sharing = (kind: string, ...ports: readonly string[]) => ({ annotations: { sharing: kind }, ports })

for (const { family, first, second, zero, high, low } of [V4, V6]) {
  const at = (address: string, wishes: ServiceWishes = {}): ServiceWishes => ({
    spec: { ipFamilies: [family] },
    ...wishes,
    annotations: { address, ...wishes.annotations },
  })
  play(`TestAssignment, ${family}`, ASSIGNMENT, [
    ['assign s1', 's1', at(first), `${first} [443/TCP]`],
    ['s1 idempotent reassign', 's1', at(first), `${first} [443/TCP]`],
    ["s2 can't grab s1's IP", 's2', at(first), 'nothing PortTaken'],
    ['s2 can get the other IP', 's2', at(second), `${second} [443/TCP]`],
    ["s1 now can't grab s2's IP; here it keeps its own", 's1', at(second), `${first} [443/TCP] PortTaken`],
    ['s1 frees its IP', 's1', 'goes', undefined],
    ["s2 can grab s1's former IP", 's2', at(first), `${first} [443/TCP]`],
    ["s1 can now grab s2's former IP", 's1', at(second), `${second} [443/TCP]`],
    ['s3 cannot grab a 0 buggy IP', 's3', at('1.2.4.0', { spec: {} }), 'nothing AddressOutsidePools'],
    ['s3 cannot grab a 255 buggy IP', 's3', at('1.2.4.255', { spec: {} }), 'nothing AddressOutsidePools'],
    ['s3 can grab another IP in that pool', 's3', at(high), `${high} [443/TCP]`],
    ['s4 takes an IP, with sharing', 's4', at(low, sharing('any', '80')), `${low} [80/TCP]`],
    ['s4 changes its sharing key in place', 's4', at(low, sharing('namespace', '80')), `${low} [80/TCP]`],
    ["s3 can't share with s4 (port conflict)", 's3', at(low, { ports: ['80'] }), `${high} [80/TCP] PortTaken`],
    [
      "s3 can't share with s4 (wrong sharing key)",
      's3',
      at(low, sharing('dedicated', '443')),
      `${high} [443/TCP] PortTaken`,
    ],
    [
      "s3 can't share with s4 (wrong backend key): here it can",
      's3',
      at(low, { ports: ['443'], spec: { ipFamilies: [family], externalTrafficPolicy: 'Local' } }),
      `${low} [443/TCP]`,
    ],
    ['s3 takes the same IP as s4', 's3', at(low, { ports: ['443'] }), `${low} [443/TCP]`],
    ['s3 can change its ports while keeping the same IP', 's3', at(low, { ports: ['53/UDP'] }), `${low} [53/UDP]`],
    [
      "s3 can't change its sharing key while keeping the same IP: here nobody is moved for it",
      's3',
      at(low, sharing('dedicated', '443')),
      `${low} [443/TCP]`,
    ],
    [
      "s3 can't change its backend key while keeping the same IP: here there is none",
      's3',
      at(low, { ports: ['443'], spec: { ipFamilies: [family], externalTrafficPolicy: 'Local' } }),
      `${low} [443/TCP]`,
    ],
    ["s4 takes s3's former IP", 's4', at(high), `${high} [443/TCP]`],
    ['an IP of no pool', 's5', at(family === 'IPv4' ? '9.9.9.9' : '9999::9'), 'nothing AddressOutsidePools'],
    [
      '.0 of IPv6 is like any other',
      's5',
      at(zero),
      family === 'IPv4' ? 'nothing AddressOutsidePools' : `${zero} [443/TCP]`,
    ],
  ])
}

const both = (...addresses: readonly string[]) => ({ annotations: { address: addresses.join() } })
play('TestAssignment, both families and pinned pools', ASSIGNMENT, [
  ['ip dual-stack assign s1', 's1', both('1.2.3.4', '1000::4'), '1.2.3.4 1000::4 [443/TCP]'],
  [
    'ip dual-stack assign s1 from different pools: here it may, since it asks for both by name',
    's1',
    both('1.2.4.5', '1000::4'),
    '1.2.4.5 1000::4 [443/TCP]',
  ],
])
test('attempt to assign ip from pool pinned on same namespace', () =>
  assert.deepEqual(given([service('test-ns1/s1', both('1.2.5.10'))], ASSIGNMENT), {
    'test-ns1/s1': '1.2.5.10 [443/TCP]',
  }))
test('attempt to assign ip from pool pinned on different namespace', () =>
  assert.deepEqual(given([service('testns-not-exist/s1', both('1.2.5.10'))], ASSIGNMENT), {
    'testns-not-exist/s1': 'nothing AddressOutsidePools',
  }))

const FAMILIES = {
  'an IPv4': { spec: { ipFamilies: ['IPv4'] }, addresses: ['1.2.3.4', '1.2.3.5', '1.2.3.10', '1.2.3.11'] },
  'an IPv6': { spec: { ipFamilies: ['IPv6'] }, addresses: ['1000::', '1000::1', '2000::', '2000::1'] },
  'dual-stack IPs': {
    spec: { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'RequireDualStack' },
    addresses: ['1.2.3.4 1000::', '1.2.3.5 1000::1', '1.2.3.10 2000::', '1.2.3.11 2000::1'],
  },
} as const

const NAMED = [
  pool('not-this-one', ['192.168.0.0/16', 'fc00::1:0/112']),
  pool('test', ['1.2.3.4/31', '1.2.3.10/31', '1000::/127', '2000::/127']),
  pool('test2', ['10.20.30.0/24', 'fc00::2:0/120']),
]
const TWO = [pool('test1', ['1.2.3.4/31', '1000::/127']), pool('test2', ['1.2.3.10/31', '2000::/127'])]

for (const [what, { spec, addresses }] of Object.entries(FAMILIES)) {
  for (const [title, pools, annotations] of [
    ['TestPoolAllocation', NAMED, { pool: 'test' }],
    ['TestAllocation', TWO, {}],
  ] as const) {
    const asking = (port: string): ServiceWishes => ({ spec, annotations, ports: [port] })
    play(`${title}: ${what}`, pools, [
      ...addresses.map((one, at): Step => [`s${at + 1} gets ${what}`, `s${at + 1}`, asking('80'), `${one} [80/TCP]`]),
      [`s5 can't get ${what}`, 's5', asking('80'), 'nothing PoolExhausted'],
      [`s6 can't get ${what}`, 's6', asking('80'), 'nothing PoolExhausted'],
      [`s1 releases its own`, 's1', 'goes', undefined],
      [`s5 can now grab s1's former`, 's5', asking('80'), `${addresses[0]} [80/TCP]`],
      [`s6 still can't get ${what}`, 's6', asking('80'), 'nothing PoolExhausted'],
      [`s6 can get ${what} now, with sharing`, 's6', asking('443'), `${addresses[0]} [443/TCP]`],
    ])
  }
}

const prefer = (name: string): ServiceWishes => ({
  spec: { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'PreferDualStack' },
  annotations: { pool: name },
})
play(
  'TestPoolAllocation: PreferDualStack, and what should not happen',
  [pool('test', ['1.2.3.4', '1000::']), pool('test-v4', ['1.2.3.5']), pool('test-v6', ['1000::1'])],
  [
    ['s1 gets dual-stack IPs', 's1', prefer('test'), '1.2.3.4 1000:: [443/TCP]'],
    ['s2 gets ipv4 IP', 's2', prefer('test-v4'), '1.2.3.5 [443/TCP]'],
    ['s3 gets ipv6 IP', 's3', prefer('test-v6'), '1000::1 [443/TCP]'],
    ['allocating from a non-existent pool', 's5', prefer('nonexistentpool'), 'nothing PoolUnknown'],
    ['s3 goes', 's3', 'goes', undefined],
    [
      's1 get an IPv6, though it has an IPv4: here it changes over',
      's2',
      { spec: { ipFamilies: ['IPv6'] } },
      '1000::1 [443/TCP]',
    ],
  ],
)

test('TestBuggyIPs', () => {
  const pools = [
    pool('test', ['1.2.3.0/31']),
    pool('test2', ['1.2.3.254/31']),
    pool('test3', ['1.2.4.0/31'], { avoidEdgeAddresses: true }),
    pool('test4', ['1.2.4.254/31'], { avoidEdgeAddresses: true }),
  ]
  const services = Array.from({ length: 7 }, (_, at) => service(`s${at + 1}`, { meta: createdAt(at) }))
  const addresses = ['1.2.3.0', '1.2.3.1', '1.2.3.254', '1.2.3.255', '1.2.4.1', '1.2.4.254']
  assert.deepEqual(Object.values(given(services, pools)), [
    ...addresses.map((address) => `${address} [443/TCP]`),
    'nothing PoolExhausted',
  ])
})

const test1 = (...addresses: readonly string[]) => [pool('test', addresses)]

describe('TestConfigReload', () => {
  const kept: readonly (readonly [desc: string, pools: readonly Pool[], left: string])[] = [
    ['set same config is no-op', test1('1.2.3.0/30', '1000::/126'), ''],
    ['expand pool', test1('1.2.3.0/24', '1000::/120'), ''],
    ['shrink pool', test1('1.2.3.0/31', '1000::/127'), ''],
    [
      "can't shrink further, removing the service allocation: here it is kept",
      test1('1.2.3.2/31', '1000::0/126'),
      's1',
    ],
    [
      "can't shrink further ipv6, removing the service allocation: here it is kept",
      test1('1.2.3.0/30', '1000::2/127'),
      's2',
    ],
    ['rename the pool', [pool('test2', ['1.2.3.0/30', '1000::0/126'])], ''],
    ['split pool', [...test1('1.2.3.0/31', '1000::2/127'), pool('test2', ['1.2.3.2/31', '1000::/127'])], ''],
    [
      'enable buggy IPs not allowed: here who has one keeps it',
      [pool('test2', ['1.2.3.0/31', '1000::/127'], { avoidEdgeAddresses: true })],
      's1',
    ],
  ]
  const services = [
    service('s1', { record: held('443/TCP', '1.2.3.0') }),
    service('s2', { record: held('443/TCP', '1000::'), spec: { ipFamilies: ['IPv6'] } }),
  ]
  for (const [desc, pools, left] of kept) {
    const told = (name: string) => (name === left ? ' AddressLeftPools' : '')
    test(desc, () =>
      assert.deepEqual(given(services, pools), {
        s1: `1.2.3.0 [443/TCP]${told('s1')}`,
        s2: `1000:: [443/TCP]${told('s2')}`,
      }),
    )
  }

  test("with evict: true, can't shrink further, removing the service allocation", () => {
    const pools = test1('1.2.3.2/31', '1000::0/126')
    assert.equal(given(services, { pools, evict: true })['s1'], '1.2.3.2 [443/TCP]')
  })
})

describe('TestAutoAssign', () => {
  const pools = [
    pool('test1', ['1.2.3.4/31', '1000::4/127'], { autoAssign: false }),
    pool('test2', ['1.2.3.10/31', '1000::10/127']),
  ]
  const cases = [
    ['an IPv4', '1.2.3.10', '1.2.3.11'],
    ['an IPv6', '1000::10', '1000::11'],
    ['dual-stack IPs', '1.2.3.10 1000::10', '1.2.3.11 1000::11'],
  ] as const
  for (const [what, first, second] of cases) {
    test(`s1 and s2 get ${what} of test2, and nobody any of test1`, () => {
      const services = [1, 2, 3].map((at) => service(`s${at}`, { spec: FAMILIES[what].spec, meta: createdAt(at) }))
      assert.deepEqual(given(services, pools), {
        s1: `${first} [443/TCP]`,
        s2: `${second} [443/TCP]`,
        s3: 'nothing PoolExhausted',
      })
    })
  }
})
