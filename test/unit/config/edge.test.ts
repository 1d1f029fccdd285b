import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, test } from 'node:test'
import { loadEdgeConfig, parseEdgeConfig } from '../../../src/config/edge-config.ts'
import { edgeTable } from '../../../src/config/edge-frontends.ts'
import { parseTokens } from '../../../src/config/edge-tokens.ts'
import { FairwayError, type Problem } from '../../../src/model/problems.ts'

const GOOD = `listen: "[::]:7443"
tls: {certFile: edge.crt, keyFile: /etc/ssl/edge.key}
addresses: [203.0.113.0/28, 2001:db8::/64]
manageAddresses: {interface: eth0}
publish:
  203.0.113.1: 10.0.0.5
  203.0.113.2: "*"
ports: {deny: [22]}
targets: {allow: [10.0.0.0/8]}
frontends:
  - name: kube-apiserver
    address: 203.0.113.1
    port: 6443
    targets: [10.0.0.2, 10.0.0.1]
    settings: {health-check: tcp, balance: least-connections}
  - {name: web, address: 203.0.113.2, port: 443, targetPort: 8443, targets: [10.0.0.3], settings: {hosts: a.example}}
  - {name: mail, address: 203.0.113.2, port: 443, targets: [10.0.0.4], settings: {hosts: b.example}}
engine:
  haproxy: {hardStopAfter: 1h}
limits: {body: 1MiB, frontends: 5}
`

function problemOf(work: () => unknown): Problem {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof FairwayError, `not a FairwayError: ${String(error)}`)
    return error.problem
  }
  return assert.fail('the mistake was not found')
}

test('a good one is taken, with defaults for what it does not say', () => {
  const config = parseEdgeConfig(GOOD, 'edge.yaml')
  assert.deepEqual(config.listen, { host: '::', port: 7443 })
  assert.deepEqual(config.status, { host: '127.0.0.1', port: 7444 })
  const most = { body: 1_048_576, frontends: 5, entries: 50_000, targets: 200_000, classes: 32 }
  assert.deepEqual(config.limits, { ...most, apply: 10_000, request: 30_000 })
  assert.equal(config.engine.kind, 'haproxy')
  assert.equal(config.engine.hardStopAfter, 3_600_000)
  assert.equal(config.engine.masterSocket, '/run/haproxy-master.sock')
})

test('a program for each protocol', () => {
  const { engine } = parseEdgeConfig(
    GOOD.replace(ENGINE, 'engines:\n  tcp: {haproxy: {hardStopAfter: 1h}}\n  udp: {nginx: {}}\n'),
    'edge.yaml',
  )
  assert.ok(engine.kind === 'pair' && engine.tcp.kind === 'haproxy')
  assert.deepEqual([engine.tcp.hardStopAfter, engine.udp.kind], [3_600_000, 'nginx'])
})

test('a frontend of its own becomes a table', () => {
  const [first] = parseEdgeConfig(GOOD, 'edge.yaml').frontends
  assert.ok(first !== undefined)
  const { frontends, groups } = edgeTable(first)
  const { address, port, targetPort, healthCheck, balance } = frontends[0] ?? assert.fail('no frontend')
  assert.deepEqual(
    [address, port, targetPort, healthCheck?.kind, balance],
    ['203.0.113.1', 6443, 6443, 'tcp', 'least-connections'],
  )
  assert.deepEqual(
    groups.map(({ targets }) => targets.map((target) => target.address)),
    [['10.0.0.1', '10.0.0.2']],
  )
})

const ENGINE = 'engine:\n  haproxy: {hardStopAfter: 1h}\n'

/** Each mistake is one edit of the good file; each message says where it is. */
const MISTAKES: readonly (readonly [what: string, from: string, to: string, message: string])[] = [
  ['a mistyped key', 'publish:', 'pubish:', '5: pubish: unknown key "pubish" (did you mean "publish"?)'],
  [
    'a port that is none',
    '"[::]:7443"',
    '0.0.0.0:70000',
    '1: listen: "0.0.0.0:70000" is not an address with a port like 0.0.0.0:7443 or [::]:7443',
  ],
  [
    'a name to listen on',
    '"[::]:7443"',
    'localhost:7443',
    '1: listen: "localhost:7443" is not an address with a port like 0.0.0.0:7443 or [::]:7443',
  ],
  ['no certificate', 'certFile: edge.crt, ', '', '2: tls.certFile: is missing'],
  [
    'a range with host bits',
    '203.0.113.0/28',
    '203.0.113.1/28',
    '3: addresses[0]: "203.0.113.1/28" is not an address, a range first-last, or a CIDR without host bits',
  ],
  [
    'addresses to manage, and none to choose from',
    'addresses: [203.0.113.0/28, 2001:db8::/64]\n',
    '',
    '3: manageAddresses: needs `addresses`: which ones clusters may have put on the interface',
  ],
  [
    'an interface that is an option',
    'eth0',
    '"-4"',
    '4: manageAddresses.interface: must be the name of an interface, like eth0',
  ],
  [
    'a published name',
    '203.0.113.1:',
    'edge.example:',
    '6: publish.edge.example: "edge.example" is not an IPv4 or IPv6 address',
  ],
  [
    'another family behind NAT',
    '203.0.113.1: 10.0.0.5',
    '203.0.113.1: "2001:db8::5"',
    '6: publish.203.0.113.1: 2001:db8::5 is of another family than 203.0.113.1',
  ],
  [
    'a setting that is none',
    'health-check: tcp',
    'health-check: icmp',
    '15: frontends[0].settings.health-check: "icmp" is not one of tcp, http, off',
  ],
  ['no targets', ', targets: [10.0.0.3]', '', '16: frontends[1].targets: is missing'],
  [
    'two frontends of one name',
    'name: mail',
    'name: web',
    '17: frontends[2].name: "web" is already the name of entry 2',
  ],
  [
    'two frontends for the same clients',
    'b.example',
    'a.example',
    '17: frontends[2].port: tcp/203.0.113.2:443 is taken by frontend "web"',
  ],
  [
    'no program',
    '  haproxy: {hardStopAfter: 1h}',
    '  {}',
    '18: engine: needs one of the keys: caddy, envoy, haproxy, nginx',
  ],
  ['nothing of programs', ENGINE, '', '1: the file: needs one of the keys: engine, engines'],
  [
    'one program, and two',
    ENGINE,
    `${ENGINE}engines: {tcp: {haproxy: {}}, udp: {nginx: {}}}\n`,
    '20: engines: cannot stand beside engine; give one of the keys: engine, engines',
  ],
  ['one program of two', ENGINE, 'engines:\n  tcp: {haproxy: {}}\n', '18: engines.udp: is missing'],
  [
    'two programs for one protocol',
    ENGINE,
    'engines:\n  tcp: {haproxy: {}, nginx: {}}\n  udp: {envoy: {}}\n',
    '19: engines.tcp.nginx: cannot stand beside haproxy; give one of the keys: caddy, envoy, haproxy, nginx',
  ],
  [
    'the same program twice',
    ENGINE,
    'engines:\n  tcp: {nginx: {}}\n  udp: {nginx: {}}\n',
    '20: engines.udp.nginx: is the program for TCP already: write it once, under `engine`',
  ],
  [
    'a program that forwards no UDP',
    ENGINE,
    'engines:\n  tcp: {nginx: {}}\n  udp: {haproxy: {}}\n',
    '20: engines.udp.haproxy: forwards no UDP: give another program',
  ],
  [
    'a key of a program',
    ENGINE,
    'engines:\n  tcp: {haproxy: {}}\n  udp: {envoy: {binery: a}}\n',
    '20: engines.udp.envoy.binery: unknown key "binery" (did you mean "binary"?)',
  ],
  ['a size without a unit', '1MiB', '1000', '20: limits.body: must be text; put it in quotes'],
]

describe('a mistake is found with its line', () => {
  for (const [what, from, to, message] of MISTAKES) {
    test(what, () => {
      assert.ok(GOOD.includes(from))
      const problem = problemOf(() => parseEdgeConfig(GOOD.replace(from, to), 'edge.yaml'))
      assert.deepEqual([problem.code, problem.message], ['ConfigInvalid', `edge.yaml:${message}`])
    })
  }
})

test('paths are from the folder of the file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fairway-edge-'))
  try {
    await writeFile(join(folder, 'edge.yaml'), GOOD)
    const { tls, tokensFile, stateDir } = await loadEdgeConfig(join(folder, 'edge.yaml'))
    assert.deepEqual(tls, { certFile: join(folder, 'edge.crt'), keyFile: '/etc/ssl/edge.key' })
    assert.deepEqual([tokensFile, stateDir], [join(folder, 'tokens.yaml'), '/var/lib/fairway-edge'])
    await assert.rejects(loadEdgeConfig(join(folder, 'other.yaml')), /other\.yaml cannot be read/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('the example of deploy/ is in order', async () => {
  const path = resolve(import.meta.dirname, '../../../deploy/edge/edge.yaml')
  assert.equal(parseEdgeConfig(await readFile(path, 'utf8'), path).engine.kind, 'haproxy')
})

test('tokens are checked alike', () => {
  const good = `tokens:\n  - {owner: prod-a/*, created: "2026-08-01", sha256: "${'0'.repeat(64)}"}\n`
  assert.equal(parseTokens(good, 'tokens.yaml').length, 1)
  const { message } = problemOf(() => parseTokens(good.replace('prod-a/*', '"*/*"'), 'tokens.yaml'))
  assert.equal(message, 'tokens.yaml:2: tokens[0].owner: "*/*" is not an owner like prod-a/public or prod-a/*')
  assert.match(problemOf(() => parseTokens('', 'tokens.yaml')).message, /^tokens\.yaml:1: the file: /)
})
