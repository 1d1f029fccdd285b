import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { READERS } from '../../src/desired/annotation-values.ts'
import { recordOf } from '../../src/desired/record.ts'
import type { ServicePort, ServiceSpec } from '../../src/kube/objects.ts'
import { frontendKey } from '../../src/model/table.ts'
import {
  allocatedCondition,
  desire,
  endpoint,
  node,
  pool,
  recorded,
  runs,
  service,
  slice,
} from '../support/builders.ts'

const SPEC = { pools: [pool('main', ['203.0.113.10-203.0.113.14', '2001:db8::/125'])] }

/** Well-behaved Services with their addresses recorded, as they are in a cluster that runs. */
const NEIGHBOURS = recorded(
  [
    service('team-a/web', { ports: ['https:443', 'http:80'], annotations: { 'proxy-protocol': 'v2' } }),
    service('team-b/mail', { ports: ['25', '443'], spec: { externalTrafficPolicy: 'Local' } }),
    service('team-b/dns', { ports: ['53', '53/UDP'], annotations: { sharing: 'dedicated' } }),
    service('team-c/dual', {
      type: 'NodePort',
      ports: ['x:8443'],
      annotations: { class: 'public', ports: 'x=443', families: 'IPv4,IPv6' },
    }),
  ],
  SPEC.pools,
)

const word = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: fc.constantFrom(...'0123456789abv:.,=-/*!{};"\n offTCP'.split('')), maxLength: 30 }),
  fc.constantFrom(
    'off',
    'v2',
    'any',
    'dedicated',
    '443=v2',
    '203.0.113.10',
    '203.0.113.10,2001:db8::1',
    '10.0.0.1',
    'main',
    'IPv4,IPv6',
    'role in (a,b)',
    '5m',
    'pods',
    'https=443',
    '__proto__',
  ),
)
const name = fc.oneof(
  fc.constantFrom(...Object.keys(READERS), 'ports', 'class', 'external-address', '__proto__', ''),
  fc.string({ maxLength: 20 }),
)

const port: fc.Arbitrary<ServicePort> = fc.record(
  {
    name: fc.constantFrom('https', 'http', '443', '__proto__'),
    protocol: fc.constantFrom('TCP', 'UDP', 'SCTP'),
    port: fc.oneof(fc.constantFrom(80, 443, 25, 53), fc.integer({ min: 1, max: 65_535 })),
    nodePort: fc.integer({ min: 0, max: 65_535 }),
  },
  { requiredKeys: ['protocol', 'port'] },
)

const spec: fc.Arbitrary<Partial<ServiceSpec>> = fc.record(
  {
    externalTrafficPolicy: fc.constantFrom('Cluster', 'Local'),
    loadBalancerClass: word,
    loadBalancerIP: word,
    loadBalancerSourceRanges: fc.array(word, { maxLength: 3 }),
    ipFamilies: fc.uniqueArray(fc.constantFrom('IPv4' as const, 'IPv6' as const), { maxLength: 2 }),
    ipFamilyPolicy: fc.constantFrom('SingleStack', 'PreferDualStack', 'RequireDualStack'),
    sessionAffinity: fc.constantFrom('None', 'ClientIP'),
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
      fc.constantFrom('443/TCP', '9/UDP', 'none'),
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

const nodeOf = fc.record({
  addresses: fc.array(fc.tuple(fc.constantFrom('InternalIP', 'ExternalIP', 'Hostname'), word), { maxLength: 3 }),
})

const SLICES = { slicesOf: (of: (typeof NEIGHBOURS)[number]) => [slice(of, [endpoint('n1', { ready: true })])] }

/** The frontends of the neighbours, with where they lead. */
function neighbourhood(all: typeof NEIGHBOURS): string {
  const { table, held } = desire(all, SPEC, SLICES)
  const theirs = table.frontends.filter(({ service: of }) => of?.name !== 'trouble')
  const targets = new Map(table.groups.map((group) => [group.id, group.targets]))
  return JSON.stringify(theirs.map((one) => [one, targets.get(one.group), held.has(frontendKey(one))]))
}

test('the neighbours hold something to lose', () => {
  assert.equal(NEIGHBOURS.filter((one) => recordOf(one) !== undefined).length, 4)
  assert.equal(desire(NEIGHBOURS, SPEC, SLICES).table.frontends.length, 8)
})

test('no annotation, spec or record throws, changes a frontend of another Service, or takes one of its ports', () => {
  const calm = neighbourhood(NEIGHBOURS)
  fc.assert(
    fc.property(troublemaker, fc.nat(NEIGHBOURS.length), (trouble, at) => {
      const all = [...NEIGHBOURS.slice(0, at), trouble, ...NEIGHBOURS.slice(at)]
      assert.equal(neighbourhood(all), calm)
      const keys = desire(all, SPEC, SLICES).table.frontends.map(frontendKey)
      assert.equal(new Set(keys).size, keys.length)
    }),
    runs(2_000),
  )
})

test('every problem names its Service, and a remedy', () => {
  fc.assert(
    fc.property(troublemaker, (trouble) => {
      for (const { problem } of [...desire([trouble], SPEC, SLICES).problems.values()].flat()) {
        assert.ok(problem.message.startsWith('Service aaa/trouble '), problem.message)
        assert.match(problem.remedy, /^[A-Z].*[^.]$/s)
      }
    }),
    runs(500),
  )
})

test('no node address throws, and targets are addresses that packets may be sent to', () => {
  fc.assert(
    fc.property(fc.array(nodeOf, { maxLength: 4 }), (nodes) => {
      const made = nodes.map(({ addresses }, index) =>
        node(
          `n${index}`,
          addresses.map(([type, text]) => `${type} ${text}`),
        ),
      )
      const { table } = desire(
        NEIGHBOURS,
        { ...SPEC, forbidden: (address) => address === '203.0.113.10' },
        { ...SLICES, nodes: made },
      )
      for (const { address } of table.groups.flatMap(({ targets }) => targets)) {
        assert.match(address, /^[0-9a-f.:]+$/)
        assert.doesNotMatch(address, /^(127\.|169\.254\.|0\.|203\.0\.113\.10$|::1?$|fe80)/)
      }
    }),
    runs(300),
  )
})
