import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCaddyConfig } from '../../../src/import/caddy.ts'
import { FairwayError } from '../../../src/model/problems.ts'
import { desiredOf, linesOf, NODES, nodePorts, oldLines, runImport } from './world.ts'

const DIAL = ['10.1.0.3:30080', '10.1.0.4:30080', '10.1.0.5:30080']

function proxy(more: object = {}, targets: readonly string[] = DIAL): object {
  return { handler: 'proxy', upstreams: targets.map((one) => ({ dial: [one] })), ...more }
}

function dial(port: number): readonly string[] {
  return NODES.map(({ status }) => `${status.addresses[0]?.address}:${port}`)
}

function server(handler: object, more: object = {}, match: object = {}): object {
  return { listen: [':80', '[::]:80'], routes: [{ ...match, handle: [handler] }], ...more }
}

function configOf(servers: object): string {
  return JSON.stringify({ apps: { layer4: { servers } } })
}

const INGRESS = nodePorts('ingress/controller', ['http 80 30080', 'https 443 30443'])

test('servers on all addresses become annotations of the Service that has their node ports', () => {
  const https = proxy(
    { proxy_protocol: 'v2' },
    DIAL.map((one) => one.replace('30080', '30443')),
  )
  const text = configOf({
    port80: server(proxy({ proxy_protocol: 'v2' })),
    port443: server(https, { listen: [':443', '[::]:443'] }),
  })
  const addresses = ['203.0.113.10', '2001:db8::10']
  const done = runImport({ from: 'caddy', text, addresses }, { services: [INGRESS] })
  const { table, placements } = desiredOf(done)
  assert.deepEqual(linesOf(table), oldLines(done.imported))
  assert.equal(table.frontends.length, 4)
  assert.deepEqual(
    placements.flatMap(({ problems }) => problems),
    [],
  )
  assert.match(done.text, /fairway\.dev\/proxy-protocol: v2\n/)
  assert.match(done.text, /fairway\.dev\/ports: http=80,https=443\n/)
  assert.match(done.text, /203\.0\.113\.10: "\*"/)
  assert.deepEqual(done.imported.remarks, [])
})

test('without an address for them, they are left out by name', () => {
  const done = runImport(
    {
      from: 'caddy',
      text: configOf({ a: server(proxy()), b: server(proxy(), { listen: ['10.0.0.9:80'] }) }),
      addresses: [],
    },
    { services: [INGRESS] },
  )
  assert.deepEqual(
    done.imported.placed.map(({ old }) => old.at),
    ['apps.layer4.servers.b'],
  )
  assert.match(done.text, /name the one that clients use by --address/)
})

test('ports of one Service that are set differently are told apart', () => {
  const text = configOf({
    a: server(proxy({ proxy_protocol: 'v1', load_balancing: { selection: { policy: 'round_robin' } } })),
    b: server(
      proxy(
        {
          load_balancing: { selection: { policy: 'ip_hash' } },
          health_checks: { active: { interval: '7s', timeout: 3_000_000_000 } },
        },
        ['10.1.0.3:30443', '10.1.0.4:30443', '10.1.0.5:30443'],
      ),
      { listen: [':8443'] },
    ),
  })
  const done = runImport({ from: 'caddy', text }, { services: [INGRESS] })
  assert.deepEqual(linesOf(desiredOf(done).table), oldLines(done.imported))
  assert.deepEqual(oldLines(done.imported), [
    'tcp/203.0.113.10:80 → 10.1.0.3:30080 10.1.0.4:30080 10.1.0.5:30080 | v1 | round-robin |  |  |  | ',
    'tcp/203.0.113.10:8443 → 10.1.0.3:30443 10.1.0.4:30443 10.1.0.5:30443 | off | source | tcp 7000/3000 2/3 |  |  | ',
  ])
})

test('hosts, source ranges, UDP, machines outside and a second way to a Service are carried over', () => {
  const dns = nodePorts('kube-system/dns', ['dns 53 30053 UDP'])
  const shop = nodePorts('team-a/shop', ['tls 443 30444'], { type: 'LoadBalancer' })
  const rr = { load_balancing: { selection: { policy: 'round_robin' } } }
  const text = configOf({
    tls: {
      listen: ['203.0.113.10:443'],
      routes: [
        { match: [{ tls: { sni: ['b.example', 'a.example'] } }], handle: [proxy(rr, dial(30_444))] },
        { match: [{ remote_ip: { ranges: ['10.0.0.0/8'] } }], handle: [proxy(rr, dial(30_443))] },
      ],
    },
    dns: server(
      proxy(
        rr,
        dial(30_053).map((one) => `udp/${one}`),
      ),
      { listen: ['udp/203.0.113.10:53'], idle_timeout: '20s' },
    ),
    mail: server(proxy(rr, ['192.0.2.7:25', '192.0.2.8:25']), { listen: ['203.0.113.10:25'] }),
    again: server(proxy(rr, dial(30_444)), { listen: ['203.0.113.10:8443'] }),
  })
  const done = runImport({ from: 'caddy', text }, { services: [INGRESS, dns, shop] })
  assert.deepEqual(linesOf(desiredOf(done).table), oldLines(done.imported))
  assert.equal(done.imported.placed.length, 5)
  // A NodePort Service has no source ranges, and no Service has two ports outside for one of its own.
  assert.match(done.text, /Service ingress\/controller cannot say this as well/)
  assert.match(done.text, /Service team-a\/shop cannot say this as well/)
})

test('strings without commas between them are read, and said', () => {
  const text = configOf({ a: server(proxy()) }).replace(
    '{"dial":["10.1.0.3:30080"]},{"dial":["10.1.0.4:30080"]},{"dial":["10.1.0.5:30080"]}',
    '{"dial": [\n"10.1.0.3:30080"\n  "10.1.0.4:30080"\n"10.1.0.5:30080"\n]}',
  )
  const { frontends, remarks } = readCaddyConfig(text, 'caddy.json')
  assert.equal(frontends[0]?.targets.length, 3)
  assert.match(remarks.map((one) => one.text).join(), /commas are missing.*several `dial`/)
})

/** Servers of which something cannot be carried over. */
const REMARKS: readonly (readonly [server: object, remark: RegExp])[] = [
  [server({ handler: 'echo' }), /does something else/],
  [server(proxy({}, ['web.example:80'])), /no address with a port/],
  [server(proxy({}, ['{env.HOST}:80'])), /no address with a port/],
  [server(proxy(), {}, { match: [{ ssh: {} }] }), /matches by more/],
  [server(proxy(), {}, { match: [{ tls: {} }] }), /TLS of any name/],
  [
    server(proxy({ load_balancing: { selection: { policy: 'least_conn' } } })),
    /least_conn" is carried over as round-robin/,
  ],
  [server(proxy({ health_checks: { active: { port: 10_256 } } })), /another port/],
  [server(proxy({ upstreams: [{ dial: DIAL, max_connections: 5 }] })), /`max_connections` of an upstream/],
  [server(proxy(), { listen: ['unix//run/x.sock'] }), /listens on no address/],
]

test('what cannot be carried over is said with its place', () => {
  for (const [one, remark] of REMARKS) {
    const { remarks } = readCaddyConfig(configOf({ a: one }), 'caddy.json')
    assert(
      remarks.some(({ at, text }) => remark.test(text) && at.startsWith('apps.layer4.servers.a')),
      JSON.stringify([one, remarks]),
    )
  }
})

test('a file that is no configuration of Caddy with layer4 is refused', () => {
  for (const text of ['', 'x', '[]', 'null', '{"apps":{}}'])
    assert.throws(
      () => readCaddyConfig(text, 'c.json'),
      (error) => error instanceof FairwayError && error.problem.code === 'ConfigInvalid',
    )
})
