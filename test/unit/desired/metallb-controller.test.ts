// The cases of MetalLB's controller under their own names (metallb/metallb, controller/controller_test.go), as far as they decide who gets which address.
// Where the outcome is not MetalLB's, the name says so behind "here". Without counterpart: Services without a cluster IP, which nobody here looks at,
// and pools for Services with a label.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { selectService } from '../../../src/desired/select.ts'
import type { ServiceSpec } from '../../../src/kube/objects.ts'
import { brief, given, recorded } from '../../support/allocations.ts'
import { createdAt, held, PUBLIC, pool, type ServiceWishes, service } from '../../support/builders.ts'

const POOLS = [
  pool('pool1', ['1.2.3.0/31']),
  pool('pool2', ['3.4.5.6'], { autoAssign: false }),
  pool('pool3', ['1000::/127']),
  pool('pool5', ['1.2.9.0/31', '1000:9::/127']),
  pool('pool6', ['7.8.9.0/31'], { namespaces: ['test-ns1'], priority: 10 }),
  pool('pool7', ['10.11.12.0/31'], { namespaces: ['test-ns1'], priority: 11 }),
  pool('pool9', ['16.17.18.0/31'], { namespaces: ['test-ns2'] }),
]
const holding = (...addresses: readonly string[]) => ({ record: held('443/TCP', ...addresses) })
const at = (address: string): ServiceWishes => ({ annotations: { address } })
const from = (name: string): ServiceWishes => ({ annotations: { pool: name } })
const SIX = { ipFamilies: ['IPv6'] } as const
const stack = (policy: NonNullable<ServiceSpec['ipFamilyPolicy']>): Partial<ServiceSpec> => ({
  ipFamilies: ['IPv4', 'IPv6'],
  ipFamilyPolicy: policy,
})
const REQUIRE = stack('RequireDualStack')
const PREFER = stack('PreferDualStack')
const AS_ASKED = 'here the families are of the frontend, whatever the Service has behind it'

type Case = readonly [desc: string, wishes: ServiceWishes, want: string, namespace?: string]

const MUTATION: readonly Case[] = [
  ['simple LoadBalancer', {}, '1.2.3.0'],
  ['request specific IP', { spec: { loadBalancerIP: '1.2.3.1' } }, '1.2.3.1'],
  ['request specific IP via custom annotation', at('1.2.3.1'), '1.2.3.1'],
  [
    'request IP from both svc.spec.LoadBalancerIP and custom annotation: here the annotation wins',
    { ...at('1.2.3.1'), spec: { loadBalancerIP: '1.2.3.2' } },
    '1.2.3.1',
  ],
  [
    'request invalid IP',
    { spec: { loadBalancerIP: 'please sir may I have an IP address thank you' } },
    'nothing AddressInvalid',
  ],
  [
    'incompatible ip and address pool annotations',
    { annotations: { address: '1.2.3.1', pool: 'pool2' } },
    'nothing AddressOutsidePools',
  ],
  // What an annotation cannot be read for is told beside the allocation.
  ['request invalid IP via custom annotation', at('please sir may I have an IP address thank you'), 'nothing'],
  ['request two IPs from same ip family via custom annotation', at('1.2.3.1,1.2.3.2'), 'nothing'],
  [
    'request infeasible IP: here the Service keeps what it has',
    { spec: { loadBalancerIP: '1.2.3.4' }, ...holding('1.2.3.1') },
    '1.2.3.1 AddressOutsidePools',
  ],
  ['request IP from specific pool', from('pool1'), '1.2.3.0'],
  [
    'switch to a different specific pool: here nobody moves who does not ask for an address',
    { ...from('pool2'), ...holding('1.2.3.0') },
    '1.2.3.0 AddressOutsidePools',
  ],
  ['unknown pool requested', from('does-not-exist'), 'nothing PoolUnknown'],
  ['invalid IP assigned: here it is kept, until its class evicts', holding('2.3.4.5'), '2.3.4.5 AddressLeftPools'],
  ['request layer2 service', { spec: { loadBalancerIP: '3.4.5.6' } }, '3.4.5.6'],
  [
    'Layer2 service with local traffic policy',
    { spec: { loadBalancerIP: '3.4.5.6', externalTrafficPolicy: 'Local' } },
    '3.4.5.6',
  ],
  [`request IP from wrong ip-family (ipv4): ${AS_ASKED}`, { spec: { ...SIX, loadBalancerIP: '1.2.3.1' } }, '1.2.3.1'],
  [
    `request IP from wrong ip-family (ipv4) via custom annotation: ${AS_ASKED}`,
    { ...at('1.2.3.1'), spec: SIX },
    '1.2.3.1',
  ],
  [`request IP from wrong ip-family (ipv6): ${AS_ASKED}`, { spec: { loadBalancerIP: '1000::' } }, '1000::'],
  [`request IP from wrong ip-family (ipv6) via custom annotation: ${AS_ASKED}`, at('1000::'), '1000::'],
  ['IP from wrong ip-family (ipv6) assigned', holding('1000::'), '1.2.3.0'],
  ['IP from wrong ip-family (ipv4) assigned', { ...holding('1.2.3.0'), spec: SIX }, '1000::'],
  ['simple dual-stack LoadBalancer', { spec: REQUIRE }, '1.2.9.0 1000:9::'],
  ['request IPs from specific pool', { ...from('pool5'), spec: REQUIRE }, '1.2.9.0 1000:9::'],
  ['simple dual-stack LoadBalancer with PreferDualStack policy', { spec: PREFER }, '1.2.9.0 1000:9::'],
  [
    'single-stack LoadBalancer with PreferDualStack policy',
    { spec: { ipFamilies: ['IPv4'], ipFamilyPolicy: 'PreferDualStack' } },
    '7.8.9.0',
    'test-ns1',
  ],
  [
    'request IPs from dualstack pool with PreferDualStack policy',
    { ...from('pool5'), spec: PREFER },
    '1.2.9.0 1000:9::',
  ],
  ['request IP from single-stack ipv4 pool with PreferDualStack policy', { ...from('pool1'), spec: PREFER }, '1.2.3.0'],
  ['request IP from single-stack ipv6 pool with PreferDualStack policy', { ...from('pool3'), spec: PREFER }, '1000::'],
  [
    'request IPs from dualstack pool with PreferDualStack policy but single stack clusterip',
    { ...from('pool5'), spec: { ipFamilies: ['IPv4'], ipFamilyPolicy: 'PreferDualStack' } },
    '1.2.9.0',
  ],
  [
    'request specific loadbalancer IP with dual-stack: here the other family comes from the same pool',
    { spec: { ...REQUIRE, loadBalancerIP: '1.2.9.1' } },
    '1.2.9.1 1000:9::',
  ],
  [
    'request specific loadbalancer IPv4 address via custom annotation for dual-stack config: here the same',
    { ...at('1.2.9.1'), spec: REQUIRE },
    '1.2.9.1 1000:9::',
  ],
  [
    'request dual-stack loadbalancer IPs via custom annotation',
    { ...at('1.2.9.0,1000:9::'), spec: REQUIRE },
    '1.2.9.0 1000:9::',
  ],
  [
    `request dual-stack loadbalancer IPs via custom annotation in a single stack cluster: ${AS_ASKED}`,
    at('1.2.9.0,1000:9::'),
    '1.2.9.0 1000:9::',
  ],
  ['request IP for service from namespace specific ip pool', {}, '7.8.9.0', 'test-ns1'],
  [
    'request IP for service from no priority namespace specific ip pool: here only priorities and the order count',
    {},
    '1.2.3.0',
    'test-ns2',
  ],
  [
    "simple LoadBalancer, ips already assigned but can't determine family: here several of a family are those of sites",
    holding('1.2.3.0', '1.2.3.1'),
    '1.2.3.0 1.2.3.1',
  ],
]

describe('TestControllerMutation', () => {
  for (const [desc, wishes, want, namespace = 'default'] of MUTATION) {
    test(desc, () => {
      const [outcome] = Object.values(given([service(`${namespace}/test`, wishes)], POOLS))
      assert.equal(outcome?.replace(' [443/TCP]', ''), want)
    })
  }

  test('simple non-LoadBalancer', () =>
    assert.equal(brief(selectService(service('test', { type: 'ClusterIP' }), [PUBLIC])), 'nobody'))

  test('former LoadBalancer, now NodePort: here what names its class keeps its address', () => {
    const web = service('test', { type: 'NodePort', annotations: { class: 'public' }, ...holding('1.2.3.1') })
    assert.equal(brief(selectService(web, [PUBLIC])), 'wanted public')
    assert.deepEqual(given([web], POOLS), { test: '1.2.3.1 [443/TCP]' })
    const classless = service('test', { type: 'NodePort', ...holding('1.2.3.1') })
    assert.equal(brief(selectService(classless, [PUBLIC])), 'released public')
  })

  for (const [desc, ingress] of [
    ['invalid ingress state', [{ hostname: 'foo.bar.local' }, { ip: '10.10.10.10' }]],
    ['request dual-stack loadbalancer with invalid ingress', [{ hostname: 'foo.bar.local' }, { ip: '1000::' }]],
  ] as const) {
    test(`${desc}: what status.loadBalancer says is nobody's claim`, () => {
      const web = service('test')
      const loadBalancer = { ingress: ingress.map((one) => ({ ...one, ports: [] })) }
      assert.deepEqual(given([{ ...web, status: { ...web.status, loadBalancer } }], POOLS), {
        test: '1.2.3.0 [443/TCP]',
      })
    })
  }
})

const DEFAULT = [pool('default', ['1.2.3.0/24', '1000::/127'])]

for (const [title, spec, want] of [
  ['TestControllerConfig', {}, '1.2.3.0 [443/TCP]'],
  ['TestControllerDualStackConfig', REQUIRE, '1.2.3.0 1000:: [443/TCP]'],
] as const) {
  test(`${title}: nothing without pools, then an address; here it stays when the pools go`, () => {
    const without = recorded([service('test', { spec })], [])
    assert.deepEqual(given(without, []), { test: 'nothing FamilyUnavailable' })
    const served = recorded(without, DEFAULT)
    assert.deepEqual(given(without, DEFAULT), { test: want })
    assert.match(
      given(served, [])['test'] ?? '',
      new RegExp(`^${want.replaceAll(/[[\]]/g, String.raw`\$&`)}( AddressLeftPools)+$`),
    )
    assert.deepEqual(given(served, { pools: [], evict: true }), { test: 'nothing FamilyUnavailable' })
  })
}

test('TestDeleteRecyclesIP', () => {
  const one = [pool('default', ['1.2.3.0/32'])]
  const both = recorded([service('test', { meta: createdAt(1) }), service('test2', { meta: createdAt(2) })], one)
  assert.deepEqual(given(both, one), { test: '1.2.3.0 [443/TCP]', test2: 'nothing PoolExhausted' })
  assert.deepEqual(given(both.slice(1), one), { test2: '1.2.3.0 [443/TCP]' })
})

test('TestControllerReassign: a second pool changes nothing; here a pool that goes moves nobody, unless its class evicts', () => {
  const served = recorded([service('test')], DEFAULT)
  const second = [pool('second', ['4.5.6.0/24'])]
  assert.deepEqual(given(served, [...second, ...DEFAULT]), { test: '1.2.3.0 [443/TCP]' })
  assert.deepEqual(given(served, second), { test: '1.2.3.0 [443/TCP] AddressLeftPools' })
  assert.deepEqual(given(served, { pools: second, evict: true }), { test: '4.5.6.0 [443/TCP]' })
})
