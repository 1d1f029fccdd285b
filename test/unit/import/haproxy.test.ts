import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readHaproxyConfig } from '../../../src/import/haproxy.ts'
import { FairwayError } from '../../../src/model/problems.ts'
import { pod, slice } from '../../support/builders.ts'
import { desiredOf, linesOf, NODES, nodePorts, oldLines, runImport } from './world.ts'

/** As a webhook script writes it: one section pair for each port, one server in it. */
const WEBHOOK = `global
  log /dev/log local0
  stats socket /run/haproxy/admin.sock mode 660 level admin

defaults
  log global
  mode tcp
  option tcplog
  timeout connect 5000
  timeout client 5000000
  timeout server 5000000

### >> Used to run unifi:8080
frontend 8080_frontend
  bind *:8080
  mode tcp
  default_backend 8080_backend

backend 8080_backend
  mode tcp
  balance roundrobin
  stick-table type ip size 200k expire 30m
  stick on src
  server s1 10.1.0.3:30808
### << Used to run unifi:8080
frontend 443_frontend
  bind *:443
  mode tcp
  default_backend 443_backend

backend 443_backend
  mode tcp
  balance roundrobin
  server s1 10.1.0.3:30443 send-proxy
`

test("the webhook's sections become annotations of the Services that have their node ports", () => {
  const services = [
    nodePorts('unifi/unifi', ['web 8443 30843', 'adopt 8080 30808']),
    nodePorts('default/traefik', ['https 443 30443']),
  ]
  const done = runImport({ from: 'haproxy', text: WEBHOOK }, { services, nodes: NODES.slice(0, 1) })
  const { table, placements } = desiredOf(done)
  assert.deepEqual(linesOf(table), oldLines(done.imported))
  assert.deepEqual(linesOf(table), [
    'tcp/203.0.113.10:443 → 10.1.0.3:30443 | v1 | round-robin |  |  |  | ',
    'tcp/203.0.113.10:8080 → 10.1.0.3:30808 | off | round-robin |  |  |  | ',
  ])
  assert.deepEqual(
    placements.flatMap(({ problems }) => problems),
    [],
  )
  assert.match(done.text, /old:19: clients stay at their server \(30m\)/)
  assert.match(done.text, /old: idle connections end after 5000 s/)
})

test('of a cluster with more nodes, it is said that all take part', () => {
  const done = runImport(
    { from: 'haproxy', text: WEBHOOK },
    { services: [nodePorts('default/traefik', ['https 443 30443'])] },
  )
  assert.match(done.text, /leads to 1 of 3 nodes/)
})

/** As a script over Services with external addresses writes it: servers without ports are pods, and the control plane is beside them. */
const PODS = `defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m

listen default-nginx-80-443
  bind 10.240.0.2:80,10.240.0.2:443
  server pod-1 10.200.1.25 check
  server pod-2 10.200.1.26 check

listen kubernetes-8080
  bind 10.240.0.200:8080
  server controller1 10.240.0.21:8080 check
  server controller2 10.240.0.22:8080 check inter 3s
`

test('pods become a Service without node ports, and the control plane a frontend of the configuration', () => {
  const nginx = nodePorts('default/nginx', ['http 80 -', 'https 443 -'], { type: 'ClusterIP' })
  const ports = [
    { name: 'http', protocol: 'TCP', port: 80 },
    { name: 'https', protocol: 'TCP', port: 443 },
  ] as const
  const slices = [slice(nginx, [pod('10.200.1.25'), pod('10.200.1.26')], { ports })]
  const done = runImport({ from: 'haproxy', text: PODS }, { services: [nginx], slices })
  assert.deepEqual(linesOf(desiredOf(done).table), oldLines(done.imported))
  assert.deepEqual(oldLines(done.imported), [
    'tcp/10.240.0.200:8080 → 10.240.0.21:8080 10.240.0.22:8080 | off | round-robin | tcp 2000/2000 2/3 |  |  | ',
    'tcp/10.240.0.2:443 → 10.200.1.25:443 10.200.1.26:443 | off | round-robin | tcp 2000/2000 2/3 |  |  | ',
    'tcp/10.240.0.2:80 → 10.200.1.25:80 10.200.1.26:80 | off | round-robin | tcp 2000/2000 2/3 |  |  | ',
  ])
  assert.match(done.text, /its servers differ in more than their addresses/)
  assert.match(done.text, /allocateLoadBalancerNodePorts: false/)
})

/** What can be said of one section, and what becomes of it. */
const RULES: readonly (readonly [lines: string, ...expected: string[]])[] = [
  ['maxconn 7', '# →  |  | 7'],
  ['tcp-request connection reject if !{ src 10.0.0.0/8 192.0.2.7 }', '# → 10.0.0.0/8,192.0.2.7/32 |  | '],
  [
    'acl from src 10.0.0.0/8\n  acl from src 192.0.2.0/24\n  tcp-request content reject unless from',
    '# → 10.0.0.0/8,192.0.2.0/24 |  | ',
  ],
  ['use_backend b if { req.ssl_sni -i a.example B.example }', '#a.example,b.example →  |  | ', '# →  |  | '],
  ['acl a req.ssl_sni -m end .b.example\n  use_backend b if a', '#*.b.example →  |  | ', '# →  |  | '],
  ['tcp-request inspect-delay 5s\n  tcp-request content accept if { req_ssl_hello_type 1 }', '# →  |  | '],
]

test('source ranges, server names and limits are carried over', () => {
  for (const [lines, ...expected] of RULES) {
    const text = `defaults\n  mode tcp\nfrontend f\n  bind 10.0.0.1:443\n  ${lines}\n  default_backend b\nbackend b\n  server s 10.1.0.3:30443\n`
    const { frontends, remarks } = readHaproxyConfig(text, 'h.cfg')
    const found = frontends.map(
      ({ hosts, sourceRanges, maxConnections }) =>
        `#${hosts.join()} → ${sourceRanges.join()} |  | ${maxConnections ?? ''}`,
    )
    assert.deepEqual(found, expected, lines)
    if (!lines.includes('-m end')) assert.deepEqual(remarks, [], lines)
  }
})

/** Lines in a frontend or its backend that cannot be carried over, and what is said of them. */
const REMARKS: readonly (readonly [frontend: string, server: string, remark: RegExp])[] = [
  ['bind :443 ssl crt x', 's 10.1.0.3:30443', /ends TLS/],
  ['bind /run/x.sock', 's 10.1.0.3:30443', /no address with one port/],
  ['bind :1-65535', 's 10.1.0.3:30443', /no address with one port/],
  ['bind :443\n  mode http', 's 10.1.0.3:30443', /mode http/],
  ['bind :443\n  http-request deny', 's 10.1.0.3:30443', /`http-request deny` is not carried over/],
  ['bind :443\n  use_backend b if { path /x }', 's 10.1.0.3:30443', /`use_backend b if { path \/x }` is not/],
  ['bind :443\n  tcp-request connection reject if { src 10.0.0.0/8 }', 's 10.1.0.3:30443', /`tcp-request .*` is not/],
  ['bind :443', 's web.example:443', /web.example:443 is no address/],
  ['bind :443', 's 10.1.0.3:30443 backup', /is a backup/],
  ['bind :443', 's 10.1.0.3:30443 ssl verify none', /in TLS/],
  ['bind :443', 's 10.1.0.3:30443 weight 7', /`weight` of a server/],
  ['bind :443', 's 10.1.0.3:30443 check port 10256', /on another port/],
]

test('what cannot be carried over is said with its line', () => {
  for (const [lines, server, remark] of REMARKS) {
    const text = `defaults\n  mode tcp\nfrontend f\n  ${lines}\n  default_backend b\nbackend b\n  server ${server}\n`
    const { remarks } = readHaproxyConfig(text, 'h.cfg')
    assert(
      remarks.some((one) => remark.test(one.text) && /^h\.cfg:\d+$/.test(one.at)),
      `${lines} ${server}: ${JSON.stringify(remarks)}`,
    )
  }
})

test('what is printed is YAML whatever the old file holds', () => {
  const text = 'frontend f\n  mode tcp\n  bind "x\\ny: :80"\n  "\\x1b[2J" "---"\n  default_backend b\n'
  const done = runImport(
    { from: 'haproxy', text: `${text}  bind 10.0.0.1:80\nbackend b\n  server s 192.0.2.7:1\n`, file: 'a\nclasses: []' },
    { services: [] },
  )
  assert.equal(desiredOf(done).table.frontends.length, 1)
  assert.doesNotMatch(done.text, /^classes: \[\]/m)
})

test('a file that is no configuration of HAProxy is refused', () => {
  for (const text of ['', '{}', 'global\n  maxconn 5\n'])
    assert.throws(
      () => readHaproxyConfig(text, 'h.cfg'),
      (error) => error instanceof FairwayError && error.problem.code === 'ConfigInvalid',
    )
})
