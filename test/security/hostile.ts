/** What those may write who can write Services, Nodes and EndpointSlices, or who have a cluster's token: mostly right, and sometimes anything. */
import * as fc from 'fast-check'
import type { BoundFrontend, EngineState } from '../../src/edge/engines/engine.ts'
import type { EndpointSliceObject, NodeObject, ServiceObject } from '../../src/kube/objects.ts'
import type { Frontend, Target } from '../../src/model/table.ts'
import { SOUND } from '../chart/annotation-samples.ts'
import { endpoint, frontend, node, service, slice } from '../support/builders.ts'

/** Texts that mean something to one of the programs, or to what reads for it. */
const EVIL = [
  '',
  ' ',
  '\t',
  '\n  bind :6666\n',
  '\r\nfrontend evil\n  bind *:6666\n  default_backend evil\n',
  '\n  server evil 192.0.2.66:6666\n',
  ' } { always_true',
  ' send-proxy',
  ':6666 interface lo',
  '/32 or 0.0.0.0/0',
  ';',
  '; } server { listen 6666; return ""; } map $x $y { default "',
  ' 192.0.2.66:6666; server 192.0.2.67',
  '}',
  '$fairway_parent',
  '~.*',
  'default',
  'include /etc/passwd',
  '"',
  '"},{"name":"evil","address":{"socket_address":{"address":"0.0.0.0","port_value":6666}}},{"x":"',
  "'",
  '\\',
  '\\"',
  '\\n',
  '#',
  '# evil',
  '%[src]',
  '%[env(HOME)]',
  '${HOME}',
  '{env.HOME}',
  '{file./etc/passwd}',
  '{http.vars.x}',
  '{l4.tls.server_name}',
  'unix//run/evil.sock',
  'fd@3',
  '0.0.0.0',
  '::',
  '127.0.0.1',
  '127.1',
  '0x7f000001',
  '::ffff:127.0.0.1',
  'fe80::1%lo',
  'localhost',
  'evil.example',
  '__proto__',
  'constructor',
  '\u0000',
  '\u2028',
  '\u202e',
  '\ud800',
  'ｅｖｉｌ.example',
  '*',
  '*.',
  '.*',
  '[^.]+',
  'x'.repeat(300),
] as const

const anyText = fc.oneof(fc.constantFrom(...EVIL), fc.constantFrom(...EVIL), fc.string({ maxLength: 12 }))

/** One of the good values, or anything, or a good one with anything before or behind it. */
function mostly(...good: readonly string[]): fc.Arbitrary<string> {
  const sound = fc.constantFrom(...good)
  return fc.oneof(
    { weight: 10, arbitrary: sound },
    { weight: 1, arbitrary: anyText },
    { weight: 1, arbitrary: fc.tuple(sound, anyText).map((parts) => parts.join('')) },
    { weight: 1, arbitrary: fc.tuple(anyText, sound).map((parts) => parts.join('')) },
  )
}

const anyNumber = fc.oneof(fc.constantFrom(-1, 0, 0.5, 65_536, 1e21, Number.NaN), fc.double())

/** Mostly one of the good values, else another one of what JSON knows as the same kind: that much the edge's API looks at first. */
function oddly<T>(...good: readonly T[]): fc.Arbitrary<T> {
  const isText = good.some((one) => typeof one === 'string')
  const odd: fc.Arbitrary<unknown> = isText ? anyText : anyNumber
  return fc.oneof(
    { weight: 40, arbitrary: fc.constantFrom(...good) },
    { weight: 1, arbitrary: odd.map((one) => one as T) },
  )
}

const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 15, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })

const HOSTS = ['a.example', 'b.example', '*.b.example', 'default', 'hostnames', 'a.example,*.c.example', 'a--b.example']
const RANGES = ['10.0.0.0/8', '192.0.2.7/24', ' 198.51.100.0/24 ', '2001:db8:1::/48', '0.0.0.0/0', '::/0']
const NAMES = { ...SOUND, hosts: HOSTS }

const annotation = fc
  .constantFrom('hosts', ...Object.keys(NAMES))
  .chain((name) => fc.tuple(mostly(name, name, name), mostly(...(NAMES[name as keyof typeof NAMES] ?? ['x']))))
const annotations = fc.array(annotation, { maxLength: 2 }).map((all) => Object.fromEntries(all))

const servicePort = fc.record({
  name: mostly('https', 'ssh', 'dns'),
  protocol: fc.constantFrom('TCP' as const, 'TCP' as const, 'UDP' as const),
  port: fc.constantFrom(80, 443, 8_443, 53),
  nodePort: fc.integer({ min: 30_000, max: 32_767 }),
})

const spec = fc.record(
  {
    loadBalancerSourceRanges: fc.array(mostly(...RANGES), { maxLength: 2 }),
    loadBalancerIP: fc.oneof({ weight: 3, arbitrary: fc.constant('') }, { weight: 1, arbitrary: anyText }),
    sessionAffinity: fc.constantFrom('None', 'ClientIP'),
    ipFamilies: fc.constantFrom(['IPv4' as const], ['IPv6' as const], ['IPv4' as const, 'IPv6' as const]),
  },
  { requiredKeys: [] },
)

const wishes = fc.record({
  annotations,
  spec,
  ports: fc.uniqueArray(servicePort, { selector: (one) => `${one.port}/${one.protocol}`, minLength: 1, maxLength: 3 }),
})

const ADDRESSES = ['10.0.0.1', '10.0.0.2', '10.0.0.3', 'fd00::1', 'fd00::2'] as const
const nodes = fc.array(
  fc.record({
    name: mostly('node-1', 'node-2'),
    addresses: fc.array(fc.tuple(mostly('InternalIP', 'InternalIP', 'ExternalIP'), mostly(...ADDRESSES)), {
      minLength: 1,
      maxLength: 3,
    }),
    labels: fc.dictionary(mostly('pool', 'zone'), mostly('edge', 'a'), { maxKeys: 2 }),
  }),
  { minLength: 1, maxLength: 4 },
)

const endpoints = fc.array(
  fc.record({ address: mostly('10.244.0.1', '10.244.0.2', '10.244.1.1'), nodeName: mostly('node-1') }),
  {
    maxLength: 3,
  },
)

/** What a cluster holds that somebody hostile has written. */
export interface HostileCluster {
  readonly services: readonly ServiceObject[]
  readonly nodes: readonly NodeObject[]
  readonly slices: readonly EndpointSliceObject[]
}

export const hostileCluster: fc.Arbitrary<HostileCluster> = fc
  .record({ all: fc.array(wishes, { minLength: 1, maxLength: 3 }), nodes, endpoints, portName: mostly('https', 'ssh') })
  .map(({ all, nodes: made, endpoints: ends, portName }) => {
    const services = all.map((one, at) => service(`team/s${at}`, { ...one, meta: { uid: `uid-${at}` } }))
    return {
      services,
      nodes: made.map(({ name, addresses, labels }) => {
        return node(
          name,
          addresses.map(([type, address]) => `${type.replaceAll(' ', '')} ${address}`),
          { labels },
        )
      }),
      slices: services.map((one) =>
        slice(
          one,
          ends.map(({ address, nodeName }) => ({ ...endpoint(nodeName, { ready: true }), addresses: [address] })),
          {
            ports: [{ name: portName, protocol: 'TCP', port: 8_080 }],
          },
        ),
      ),
    }
  })

const target: fc.Arbitrary<Target> = fc.record(
  { name: anyText, address: oddly<string>(...ADDRESSES), port: oddly(8_080, 9_090) },
  { requiredKeys: ['name', 'address'] },
)

const check = fc.record({
  kind: oddly('tcp' as const, 'http' as const),
  port: oddly(undefined, 10_256),
  intervalMs: oddly(1_000, 1_234),
  timeoutMs: oddly(1_000),
  rise: oddly(1, 2),
  fall: oddly(1, 3),
  derived: fc.boolean(),
})

/** A frontend as only a client of the edge's API could ask for it who goes around the operator. `place` is one of the addresses of its case. */
const rawFrontend = fc.record({
  place: fc.nat(3),
  address: rarely(anyText),
  port: oddly(80, 443, 8_443),
  protocol: oddly('TCP' as const, 'TCP' as const, 'UDP' as const),
  group: oddly('nodes', 'pods'),
  targetPort: oddly(30_080, 30_443),
  proxyProtocol: oddly('off' as const, 'off' as const, 'v1' as const, 'v2' as const),
  balance: oddly('round-robin' as const, 'source' as const, 'random' as const),
  healthCheck: fc.option(check, { freq: 2, nil: undefined }),
  affinityMs: oddly(undefined, undefined, 1_000),
  idleTimeoutMs: oddly(undefined, undefined, 60_000),
  maxConnections: oddly(undefined, undefined, 10),
  sourceRanges: fc.uniqueArray(mostly('10.0.0.0/8', '2001:db8:1::/48', '192.0.2.0/24'), { maxLength: 2 }),
  hosts: fc.uniqueArray(mostly('a.example', '*.b.example', 'c.d.example', 'default'), { maxLength: 2 }),
})

/** A part of an engine's state, at addresses that are handed to it. */
export type RawPart = (addresses: readonly string[], name: string) => EngineState

export const rawPart: fc.Arbitrary<RawPart> = fc
  .record({
    all: fc.array(rawFrontend, { minLength: 1, maxLength: 3 }),
    nodes: fc.array(target, { maxLength: 3 }),
    pods: fc.array(target, { maxLength: 2 }),
  })
  .map(({ all, nodes: one, pods }) => (addresses, name) => {
    const frontends = all.map(({ place, address = addresses[place] ?? '', ...rest }, at): BoundFrontend => {
      const known = rest.group === 'nodes' || rest.group === 'pods'
      const asked: Frontend = frontend({ ...rest, address, group: known ? `${name}.${rest.group}` : rest.group })
      return { id: `${name}.${at}`, frontend: asked, bindAddress: address }
    })
    const groups = [
      { id: `${name}.nodes`, targets: once(one) },
      { id: `${name}.pods`, targets: once(pods) },
    ]
    return { frontends, groups: new Map(groups.map((group) => [group.id, group])) }
  })

/** The edge's API takes no target twice. */
function once(targets: readonly Target[]): readonly Target[] {
  return [...new Map(targets.map((one) => [`${one.address} ${one.port}`, one])).values()]
}
