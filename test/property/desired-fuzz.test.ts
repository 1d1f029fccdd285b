import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { READERS } from '../../src/desired/annotation-values.ts'
import { recordOf } from '../../src/desired/record.ts'
import type { ClassSpec, ClusterState } from '../../src/desired/spec.ts'
import type { EndpointSliceObject, ServiceObject, ServicePort, ServiceSpec } from '../../src/kube/objects.ts'
import { inRange } from '../../src/model/address.ts'
import { frontendKey } from '../../src/model/table.ts'
import { recorded } from '../support/allocations.ts'
import {
  allocatedCondition,
  desire,
  endpoint,
  node,
  pod,
  pool,
  rangeOf,
  runs,
  service,
  slice,
} from '../support/builders.ts'

const PODS = rangeOf('10.244.0.0/16')
const SPEC: Partial<ClassSpec> = {
  pools: [pool('main', ['203.0.113.10-203.0.113.14', '2001:db8::/125'])],
  podRanges: [PODS],
  maxTargets: 1,
  fixed: [
    {
      name: 'kube-apiserver',
      addresses: ['203.0.113.10'],
      port: 6_443,
      protocol: 'TCP',
      targetPort: 6_443,
      targets: { kind: 'nodes', selector: '' },
      sourceRanges: [],
      settings: {},
    },
  ],
}

/** Well-behaved Services with their addresses recorded, as they are in a cluster that runs. */
const NEIGHBOURS = recorded(
  [
    service('team-a/web', { ports: ['https:443', 'http:80'], annotations: { 'proxy-protocol': 'v2' } }),
    service('team-a/sni', { ports: ['443'], annotations: { hosts: 'a.example,*.b.example', address: '203.0.113.10' } }),
    service('team-b/mail', { ports: ['25', '443'], spec: { externalTrafficPolicy: 'Local' } }),
    service('team-b/dns', { ports: ['53', '53/UDP'], annotations: { sharing: 'dedicated' } }),
    service('team-c/pods', { ports: ['http:8080'], annotations: { targets: 'pods' } }),
    service('team-c/dual', {
      type: 'NodePort',
      ports: ['x:8443'],
      annotations: { class: 'public', ports: 'x=443', families: 'IPv4,IPv6' },
    }),
  ],
  SPEC,
)

const WORDS = [
  'off',
  'v2',
  'any',
  'dedicated',
  '443=v2',
  'tcp',
  'http',
  '1s',
  '3',
  'source',
  'main',
  '5m',
  'pods',
  'nodes',
  '203.0.113.10',
  '203.0.113.10,2001:db8::1',
  '10.0.0.1',
  'IPv4,IPv6',
  'role in (a,b)',
  'https=443',
  '__proto__',
  'a.example',
  '*.example',
  '*.b.example',
  'c.b.example,443=d.example',
  'https=off',
  'x.example,https=off',
] as const

const word = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: fc.constantFrom(...'0123456789abv:.,=-/*!{};"\n offTCP'.split('')), maxLength: 30 }),
  fc.constantFrom(...WORDS),
)
const name = fc.oneof(
  fc.constantFrom(...Object.keys(READERS), 'ports', 'class', 'external-address', '__proto__', ''),
  fc.string({ maxLength: 20 }),
)

const port: fc.Arbitrary<ServicePort> = fc.record(
  {
    name: fc.constantFrom('https', 'http', '443', '__proto__'),
    protocol: fc.constantFrom('TCP', 'UDP', 'SCTP'),
    port: fc.oneof(fc.constantFrom(80, 443, 25, 53, 6_443), fc.integer({ min: 1, max: 65_535 })),
    nodePort: fc.integer({ min: 0, max: 65_535 }),
  },
  { requiredKeys: ['protocol', 'port'] },
)

const spec: fc.Arbitrary<Partial<ServiceSpec>> = fc.record(
  {
    externalTrafficPolicy: fc.constantFrom('Cluster', 'Local'),
    healthCheckNodePort: fc.integer({ min: 0, max: 65_535 }),
    loadBalancerClass: word,
    loadBalancerIP: word,
    loadBalancerSourceRanges: fc.array(word, { maxLength: 3 }),
    ipFamilies: fc.uniqueArray(fc.constantFrom('IPv4' as const, 'IPv6' as const), { maxLength: 2 }),
    ipFamilyPolicy: fc.constantFrom('SingleStack', 'PreferDualStack', 'RequireDualStack'),
    sessionAffinity: fc.constantFrom('None', 'ClientIP'),
    sessionAffinityConfig: fc.record({ clientIP: fc.record({ timeoutSeconds: fc.integer({ min: 1, max: 86_400 }) }) }),
    allocateLoadBalancerNodePorts: fc.boolean(),
    publishNotReadyAddresses: fc.boolean(),
  },
  { requiredKeys: [] },
)

// Only we can write one, so it claims nothing that a neighbour holds.
const record = fc.oneof(
  word,
  fc
    .tuple(
      fc.constantFrom('203.0.113.14', '198.51.100.1', '203.0.113.14, 2001:db8::7'),
      fc.constantFrom('443/TCP', '443/TCP=z.example', '9/UDP', 'none'),
    )
    .map(([addresses, ports]) => `${addresses} for ports ${ports} of class public`),
)

// The oldest of all, which comes first wherever age decides.
const troublemaker = fc
  .record({
    type: fc.constantFrom('LoadBalancer' as const, 'NodePort' as const, 'ClusterIP' as const, 'ExternalName' as const),
    annotations: fc.dictionary(name, word, { maxKeys: 6 }),
    // The API server refuses a Service with one port twice.
    ports: fc.uniqueArray(port, { selector: (one) => `${one.port}/${one.protocol}`, maxLength: 4 }),
    spec,
    record,
    deleted: fc.boolean(),
  })
  .map(({ record: message, deleted, ...wishes }) =>
    service('aaa/trouble', {
      ...wishes,
      conditions: [allocatedCondition(message)],
      meta: {
        creationTimestamp: '2020-01-01T00:00:00Z',
        ...(deleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
      },
    }),
  )

const target = fc.oneof(word, fc.constantFrom('10.244.0.1', '10.244.255.255', '127.0.0.1', '203.0.113.10', 'fd00::1'))
const nodeOf = fc.record({
  addresses: fc.array(fc.tuple(fc.constantFrom('InternalIP', 'ExternalIP', 'Hostname'), target), { maxLength: 3 }),
})
const endpointOf = fc.record({
  addresses: fc.array(target, { maxLength: 2 }),
  conditions: fc.record(
    { ready: fc.boolean(), serving: fc.boolean(), terminating: fc.boolean() },
    { requiredKeys: [], noNullPrototype: true },
  ),
  nodeName: fc.option(fc.constantFrom('n1', 'n2', 'gone'), { nil: undefined }),
})
const sliceOf = fc
  .record({
    endpoints: fc.array(endpointOf, { maxLength: 4 }),
    addressType: fc.constantFrom('IPv4' as const, 'IPv6' as const, 'FQDN' as const),
    ports: fc.array(
      fc.record(
        {
          name: fc.constantFrom('', 'http', 'https', '443'),
          protocol: fc.constantFrom('TCP', 'UDP', 'SCTP'),
          port: fc.integer({ min: 1, max: 65_535 }),
        },
        { requiredKeys: ['name', 'protocol'] },
      ),
      { maxLength: 3 },
    ),
  })
  .map((wishes) => slice({ metadata: { namespace: 'aaa', name: 'trouble' } }, [], wishes))

/** The neighbours have a pod each, the troublemaker what is given. */
const stateWith = (theirs: readonly EndpointSliceObject[] = []): Partial<ClusterState> => ({
  slicesOf: (of) => {
    if (of.name === 'trouble') return theirs
    const ports = [{ name: 'http', protocol: 'TCP' as const, port: 9_090 }]
    return [slice({ metadata: of }, [endpoint('n1', { ready: true }), pod('10.244.0.7')], { ports })]
  },
})

/** The frontends of all but the troublemaker, with where they lead; and all keys. */
function look(all: readonly ServiceObject[], state: Partial<ClusterState>): readonly [string, readonly string[]] {
  const { table, held } = desire(all, SPEC, state)
  const targets = new Map(table.groups.map((group) => [group.id, group.targets]))
  const theirs = table.frontends.filter(({ service: of }) => of?.name !== 'trouble')
  return [
    JSON.stringify(theirs.map((one) => [one, targets.get(one.group), held.has(frontendKey(one))])),
    table.frontends.map(frontendKey),
  ]
}

test('the neighbours hold something to lose', () => {
  assert.equal(NEIGHBOURS.filter((one) => recordOf(one) !== undefined).length, NEIGHBOURS.length)
  const { table } = desire(NEIGHBOURS, SPEC, stateWith())
  assert.equal(table.frontends.length, 11)
  assert.ok(table.groups.every(({ targets }) => targets.length > 0))
})

test('no annotation, spec, record or slice throws, changes a frontend of another Service, or takes one of its ports', () => {
  const [calm] = look(NEIGHBOURS, stateWith())
  fc.assert(
    fc.property(troublemaker, fc.array(sliceOf, { maxLength: 2 }), fc.nat(NEIGHBOURS.length), (trouble, slices, at) => {
      const all = [...NEIGHBOURS.slice(0, at), trouble, ...NEIGHBOURS.slice(at)]
      const [others, keys] = look(all, stateWith(slices))
      assert.equal(others, calm)
      assert.equal(new Set(keys).size, keys.length)
    }),
    runs(10_000),
  )
})

test('every problem names its Service, and a remedy', () => {
  fc.assert(
    fc.property(troublemaker, fc.array(sliceOf, { maxLength: 2 }), (trouble, slices) => {
      for (const { problem } of [...desire([trouble], SPEC, stateWith(slices)).problems.values()].flat()) {
        assert.ok(problem.message.startsWith('Service aaa/trouble '), problem.message)
        assert.match(problem.remedy, /^[A-Z].*[^.]$/s)
      }
    }),
    runs(500),
  )
})

test('no node address or endpoint throws, and targets are addresses that packets may be sent to', () => {
  const pods = service('aaa/trouble', { ports: ['http:80', 'https:443'], annotations: { targets: 'pods' } })
  fc.assert(
    fc.property(fc.array(nodeOf, { maxLength: 4 }), fc.array(sliceOf, { maxLength: 3 }), (nodes, slices) => {
      const made = nodes.map(({ addresses }, index) =>
        node(
          `n${index}`,
          addresses.map(([type, text]) => `${type} ${text}`),
        ),
      )
      const wide = { ...SPEC, maxTargets: 0, forbidden: (address: string) => address === '203.0.113.10' }
      const { table } = desire([...NEIGHBOURS, pods], wide, { ...stateWith(slices), nodes: made })
      for (const { id, targets } of table.groups) {
        for (const { address, port: own = 1 } of targets) {
          assert.match(address, /^[0-9a-f.:]+$/)
          assert.doesNotMatch(address, /^(127\.|169\.254\.|0\.|203\.0\.113\.10$|::1?$|fe80)/)
          assert.ok(!id.startsWith('pods/') || inRange(PODS, address), address)
          assert.ok(own >= 1 && own <= 65_535)
        }
      }
    }),
    runs(500),
  )
})
