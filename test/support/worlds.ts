// Random worlds for the properties of allocation: Services that ask for anything, over pools of few addresses, so that they get in each other's way.
import * as fc from 'fast-check'
import type { Pool } from '../../src/desired/pools.ts'
import type { ClassRules, ClassSpec, FixedFrontend } from '../../src/desired/spec.ts'
import type { ServiceObject } from '../../src/kube/objects.ts'
import { recorded } from './allocations.ts'
import { classSpec, createdAt, pool, service } from './builders.ts'

const PORTS = ['80', '443', '25', '53', '53/UDP', '443/UDP'] as const
const ADDRESSES = ['203.0.113.10', '203.0.113.11', '203.0.113.0', '198.51.100.1', '2001:db8::1', '192.0.2.1'] as const
const HOSTS = ['a.example', 'b.example', '*.example', 'x.a.example', '*.a.example', 'example'] as const

const families = fc.constantFrom(
  { ipFamilies: ['IPv4'] as const },
  { ipFamilies: ['IPv6'] as const },
  { ipFamilies: ['IPv4', 'IPv6'] as const, ipFamilyPolicy: 'PreferDualStack' as const },
  { ipFamilies: ['IPv6', 'IPv4'] as const, ipFamilyPolicy: 'RequireDualStack' as const },
)

const hosts = fc.uniqueArray(fc.constantFrom(...HOSTS), { minLength: 1, maxLength: 3 }).map((names) => names.join(','))

const annotations = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 3, arbitrary: fc.record({ hosts }) },
  {
    weight: 2,
    arbitrary: fc.record(
      {
        sharing: fc.constantFrom('any', 'namespace', 'dedicated'),
        address: fc.constantFrom(...ADDRESSES, '203.0.113.11,2001:db8::1'),
        pool: fc.constantFrom('small', 'large', 'absent'),
        families: fc.constantFrom('IPv4', 'IPv6', 'IPv4,IPv6'),
        hosts,
        // Malformed: the Service keeps what it holds.
        balance: fc.constant('fastest'),
      },
      { requiredKeys: [] },
    ),
  },
)

const wishes = fc.record({
  namespace: fc.constantFrom('team-a', 'team-b'),
  ports: fc.uniqueArray(fc.constantFrom(...PORTS), { minLength: 1, maxLength: 3 }),
  annotations,
  spec: families,
  age: fc.nat(4),
})

const named = (name: string, { namespace, age, ...rest }: typeof wishes extends fc.Arbitrary<infer W> ? W : never) =>
  service(`${namespace}/${name}`, { ...rest, meta: createdAt(age) })

/** Services that hold nothing yet. */
export const services = fc.array(wishes, { maxLength: 9 }).map((all) => all.map((one, at) => named(`s${at}`, one)))

/** One more Service, as old as any. */
export const newcomer = wishes.map((one) => named('newcomer', { ...one, age: 0 }))

export const pools = fc.constantFrom<readonly Pool[]>(
  [pool('small', ['203.0.113.10-203.0.113.11', '2001:db8::/127'])],
  [pool('small', ['203.0.113.10']), pool('large', ['198.51.100.0/29', '2001:db8::/120'], { priority: 1 })],
  [pool('v4', ['203.0.113.10-203.0.113.12']), pool('v6', ['2001:db8::1'])],
  [
    pool('small', ['203.0.113.0/30'], { avoidEdgeAddresses: true, namespaces: ['team-a'] }),
    pool('large', ['198.51.100.1', '2001:db8::1'], { autoAssign: false }),
  ],
  // Two sites, and pools that every proxy has.
  [
    pool('small', ['203.0.113.10', '2001:db8::1'], { proxies: ['edge-1'] }),
    pool('large', ['198.51.100.0/31'], { proxies: ['edge-2'] }),
    pool('all', ['192.0.2.1', '203.0.113.11', '2001:db8::2']),
  ],
  [
    pool('small', ['203.0.113.10-203.0.113.11'], { proxies: ['edge-1'] }),
    pool('large', ['198.51.100.0/31', '2001:db8::/127'], { proxies: ['edge-2'] }),
  ],
  [],
)

export const quota = fc.constantFrom<ClassRules['quota']>(new Map(), new Map([['*', 3]]), new Map([['team-a', 2]]))

const rules = fc.record<ClassRules>({
  deniedPorts: fc.constantFrom(new Set<number>(), new Set([25])),
  reservedPorts: fc.constantFrom(new Map(), new Map([[80, ['team-b']]])),
  reservedHosts: fc.constantFrom(
    new Map(),
    new Map([['*.a.example', ['team-a']]]),
    new Map([
      ['*.example', ['team-a']],
      ['b.example', ['team-b']],
    ]),
  ),
  quota,
})

const fixedFrontend = (name: string, address: string, settings: Readonly<Record<string, string>>): FixedFrontend => ({
  name,
  addresses: [address],
  port: 443,
  protocol: 'TCP',
  targetPort: 6443,
  targets: { kind: 'nodes', selector: '' },
  sourceRanges: [],
  settings,
})

const fixed = fc.constantFrom<readonly FixedFrontend[]>(
  [],
  [fixedFrontend('api', '203.0.113.10', {})],
  [fixedFrontend('api', '203.0.113.10', { hosts: 'a.example' })],
)

export interface World {
  readonly services: readonly ServiceObject[]
  readonly spec: ClassSpec
}

/** A class that does more than own pools: half of all. */
const strictness = fc.option(fc.record({ rules, fixed }), { nil: {} })

/** A class, and Services that hold nothing yet. */
export const freshWorld: fc.Arbitrary<World> = fc
  .record({ services, pools, strictness })
  .map((made) => ({ services: made.services, spec: classSpec({ pools: made.pools, ...made.strictness }) }))

/** A class, and Services that hold what it gave them, when it was as it is now or had other pools, another quota and no frontends. */
export const settledWorld: fc.Arbitrary<World> = fc
  .record({ fresh: freshWorld, earlier: fc.option(fc.record({ pools, quota })), evict: fc.boolean() })
  .map(({ fresh: { services: all, spec }, earlier, evict }) => {
    if (earlier === null) return { services: recorded(all, spec), spec }
    const before = { ...spec, pools: earlier.pools, rules: { ...spec.rules, quota: earlier.quota }, fixed: [] }
    return { services: recorded(all, before), spec: { ...spec, evict } }
  })

export const world = fc.oneof(freshWorld, settledWorld)
