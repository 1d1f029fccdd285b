/** The clients' own addresses, both families, and what an administrator would otherwise write by hand. */
import { deepEqual, equal, match, notEqual } from 'node:assert/strict'
import { client } from '../lab/addresses.ts'
import { addresses } from './config.ts'
import { dialsOf, serverKey } from './edge.ts'
import type { ServicePort } from './objects.ts'
import type { Scenario, Scenarios } from './scenario.ts'
import { hostOf } from './traffic.ts'
import { seerPorts } from './workloads.ts'

export function ingress(scenario: Scenarios): void {
  scenario('PROXY protocol v2: the pod sees the real address of the client', seesClient)
  scenario('frontends of both families lead to IPv4 targets', servesBothFamilies)
  scenario('dual-stack Services: an address of each family, beside a requested IPv4 address too', servesDualStack)
  scenario(
    'an ingress on 80 and 443 of every address, and a new port of it, without a hand at the proxy',
    servesIngress,
  )
}

async function seesClient({ create, services, traffic, signal }: Scenario): Promise<void> {
  await create({
    name: 'sees',
    app: 'seer',
    annotations: { 'fairway.dev/class': 'public', 'fairway.dev/proxy-protocol': 'proxied=v2' },
    ports: [
      { name: 'proxied', port: 7001, targetPort: seerPorts.proxied },
      { name: 'plain', port: 7000, targetPort: seerPorts.plain },
    ],
  })
  const address = await services.addressOf('sees', signal)
  for (let times = 0; times < 10; times++) {
    const sight = await traffic.sight(address, 7001, signal)
    equal(hostOf(sight.client), client.v4)
  }
  const plain = await traffic.sight(address, 7000, signal)
  notEqual(hostOf(plain.client), client.v4, 'without the header nobody could see it')
}

async function servesBothFamilies({ create, services, edge, traffic, lab, signal }: Scenario): Promise<void> {
  const { spec } = await create({
    name: 'dual',
    app: 'seer',
    annotations: {
      'fairway.dev/class': 'public',
      'fairway.dev/families': 'IPv4,IPv6',
      'fairway.dev/proxy-protocol': 'v2',
    },
    ports: [{ port: 7002, targetPort: seerPorts.proxied }],
    spec: { ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' },
  })
  const found = await services.addressesOf('dual', signal)
  deepEqual(found, ['203.0.113.10', '2001:db8::10'])
  const servers = await edge.servers(signal)
  const targets = lab.addresses.map((node) => `${node.v4}:${spec.ports[0]?.nodePort}`)
  for (const [address, seen] of [
    [found[0] ?? '', client.v4],
    [found[1] ?? '', client.v6],
  ] as const) {
    deepEqual(dialsOf(servers[serverKey('public', 'tcp', address, 7002)]), targets)
    equal(hostOf((await traffic.sight(address, 7002, signal)).client), seen)
  }
}

function seerPort(port: number): readonly ServicePort[] {
  return [{ port, targetPort: seerPorts.proxied }]
}

async function servesDualStack({ create, services, traffic, signal }: Scenario): Promise<void> {
  const seer = { app: 'seer', annotations: { 'fairway.dev/class': 'public', 'fairway.dev/proxy-protocol': 'v2' } }
  const requires = { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6', 'IPv4'] }
  await create({ ...seer, name: 'requires', ports: seerPort(7004), spec: requires })
  const annotations = { ...seer.annotations, 'fairway.dev/address': '203.0.113.12' }
  await create({
    ...seer,
    name: 'prefers',
    annotations,
    ports: seerPort(7005),
    spec: { ipFamilyPolicy: 'PreferDualStack' },
  })
  deepEqual(await services.addressesOf('requires', signal), ['2001:db8::10', '203.0.113.10'], 'the first family first')
  const [v4, v6 = '', ...more] = await services.addressesOf('prefers', signal)
  equal(v4, '203.0.113.12')
  match(v6, /^2001:db8::1[0-4]$/)
  deepEqual(more, [])
  for (const [address, port, seen] of [
    ['203.0.113.10', 7004, client.v4],
    ['2001:db8::10', 7004, client.v6],
    [v4, 7005, client.v4],
    [v6, 7005, client.v6],
  ] as const)
    equal(hostOf((await traffic.sight(address, port, signal)).client), seen, address)
}

async function servesIngress({ create, services, edge, traffic, lab, signal }: Scenario): Promise<void> {
  const http = { name: 'http', port: 80, targetPort: seerPorts.proxied, nodePort: 30_080 }
  const https = { name: 'https', port: 443, targetPort: seerPorts.proxiedToo, nodePort: 30_443 }
  await create({
    name: 'ingress',
    app: 'seer',
    annotations: {
      'fairway.dev/class': 'ingress',
      'fairway.dev/families': 'IPv4,IPv6',
      'fairway.dev/proxy-protocol': 'v2',
    },
    ports: [http, https],
  })
  const { v4, v6 } = addresses.ingress
  deepEqual(await services.addressesOf('ingress', signal), [v4, v6])
  const servers = await edge.servers(signal)
  for (const { port, nodePort } of [http, https]) {
    for (const [address, socket] of [
      [v4, `tcp4/0.0.0.0:${port}`],
      [v6, `tcp6/[::]:${port}`],
    ] as const) {
      const server = servers[serverKey('ingress', 'tcp', address, port)]
      deepEqual(server?.listen, [socket])
      deepEqual(
        dialsOf(server),
        lab.addresses.map((node) => `${node.v4}:${nodePort}`),
      )
    }
  }
  const seen = async (address: string, port: number) => traffic.sight(address, port, signal)
  equal(hostOf((await seen(v4, 80)).client), client.v4)
  equal(hostOf((await seen(v6, 80)).client), client.v6)
  equal((await seen(v4, 443)).port, seerPorts.proxiedToo)
  equal((await seen(v6, 443)).port, seerPorts.proxiedToo)
  // The wildcard is one: another address of the edge answers too.
  equal(hostOf((await seen('203.0.113.7', 80)).client), client.v4)
  await services.patch(
    'ingress',
    { spec: { ports: [http, https, { ...http, name: 'alt', port: 8443, nodePort: 30_843 }] } },
    signal,
  )
  await traffic.answers(v6, 8443, '/', signal)
  equal(hostOf((await seen(v4, 8443)).client), client.v4)
}
