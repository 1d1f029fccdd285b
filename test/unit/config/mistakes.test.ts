import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loadConfig, parseConfig } from '../../../src/config/load.ts'
import { FairwayError } from '../../../src/model/problems.ts'
import { assertTold, type Mistake, problemOf } from './problem-of.ts'

const GOOD = `cluster: prod-a
classes:
  - name: public
    default: true
    loadBalancerClass: kubelb
    pools:
      - name: main
        addresses:
          - 203.0.113.10-203.0.113.20
          - 203.0.113.64/28
    proxies:
      - name: edge-1
        caddy:
          url: https://10.1.0.100:2021
          certFile: a.crt
          keyFile: a.key
        listen:
          203.0.113.10: 10.0.0.5
          203.0.113.11: 10.0.0.6
  - name: private
    default: false
    loadBalancerClass: [metallb]
    pools: [{name: main, addresses: [10.9.0.0/24]}]
    proxies: [{name: edge-1, caddy: {url: "https://10.1.0.101:2021"}}]
guard: {maxRemoval: 50%}
`

test('without a mistake it is taken', () => assert.equal(parseConfig(GOOD, 'fairway.yaml').classes.length, 2))

/** Each mistake is one edit of the good file; each message says where it is. */
const MISTAKES: readonly Mistake[] = [
  ['a mistyped key', 'guard:', 'gaurd:', '25: gaurd: unknown key "gaurd" (did you mean "guard"?)'],
  [
    'a mistyped key above a list',
    '    pools:\n',
    '    pool:\n',
    '6: classes[0].pool: unknown key "pool" (did you mean "pools"?)\nfairway.yaml:3: classes[0].pools: is missing',
  ],
  ['a key that resembles nothing', 'guard:', 'weather:', '25: weather: unknown key "weather"'],
  ["a word of the schema's own", 'guard:', 'items:', '25: items: unknown key "items"'],
  [
    'two default classes',
    'default: false',
    'default: true',
    '21: classes[1].default: class "public" is the default already; only one can be',
  ],
  [
    'an alias twice',
    '[metallb]',
    '[kubelb]',
    '22: classes[1].loadBalancerClass: "kubelb" already belongs to class "public"',
  ],
  ['a class twice', 'name: private', 'name: public', '20: classes[1].name: "public" is already the name of entry 1'],
  [
    'a wildcard as a published address',
    '203.0.113.64/28',
    '0.0.0.0',
    '10: classes[0].pools[0].addresses[1]: 0.0.0.0 has the wildcard 0.0.0.0; give the published addresses here, and "*" in a proxy\'s listen to bind all',
  ],
  [
    'a range that begins at the IPv6 wildcard',
    '203.0.113.64/28',
    '::/64',
    '10: classes[0].pools[0].addresses[1]: ::/64 has the wildcard ::; give the published addresses here, and "*" in a proxy\'s listen to bind all',
  ],
  [
    'pools that overlap',
    '203.0.113.64/28',
    '203.0.113.16/28',
    '10: classes[0].pools[0].addresses[1]: 203.0.113.16/28 overlaps 203.0.113.10-203.0.113.20 of pool "main"',
  ],
  [
    'a CIDR with host bits',
    '203.0.113.64/28',
    '203.0.113.65/28',
    '10: classes[0].pools[0].addresses[1]: "203.0.113.65/28" is not an address, a range first-last, or a CIDR without host bits',
  ],
  [
    'no addresses',
    'addresses: [10.9.0.0/24]',
    'addresses: []',
    '23: classes[1].pools[0].addresses: needs at least one address, range or CIDR',
  ],
  [
    'plain http',
    'https://10.1.0.101:2021',
    'http://10.1.0.101:2021',
    "24: classes[1].proxies[0].caddy.url: plain http leaves Caddy's admin API open to whoever reaches it; use https with certFile and keyFile, or say insecure: true",
  ],
  [
    'another scheme',
    'https://10.1.0.101:2021',
    'unix:///run/caddy.sock',
    '24: classes[1].proxies[0].caddy.url: must be an http or https URL like https://10.1.0.100:2021',
  ],
  [
    'a certificate without its key',
    '          keyFile: a.key\n',
    '',
    '13: classes[0].proxies[0].caddy: certFile and keyFile go together',
  ],
  [
    'a key without its certificate',
    '          certFile: a.crt\n',
    '',
    '13: classes[0].proxies[0].caddy: certFile and keyFile go together',
  ],
  [
    'two published addresses on one socket',
    '10.0.0.6',
    '10.0.0.5',
    '19: classes[0].proxies[0].listen.203.0.113.11: 10.0.0.5 is bound for 203.0.113.10 already: two published addresses cannot share one',
  ],
  [
    'a published address that is none',
    '203.0.113.11:',
    'edge:',
    '19: classes[0].proxies[0].listen.edge: "edge" is not an IPv4 or IPv6 address',
  ],
  [
    'a published address not in its one form',
    '203.0.113.11:',
    '"2001:DB8::1":',
    '19: classes[0].proxies[0].listen.2001:DB8::1: "2001:DB8::1" is written 2001:db8::1',
  ],
  [
    'a bound address that is none',
    '10.0.0.6',
    'eth0',
    '19: classes[0].proxies[0].listen.203.0.113.11: "eth0" is not an IPv4 or IPv6 address',
  ],
  ['a missing key', 'cluster: prod-a\n', '', '1: cluster: is missing'],
  [
    'a key in the wrong place',
    '    default: true\n',
    '    defaults: {}\n    cluster: x\n',
    '5: classes[0].cluster: unknown key "cluster"',
  ],
  [
    'a name that is no DNS label',
    'prod-a',
    'Prod_A',
    '1: cluster: must be a DNS label: lower case letters, digits and dashes, at most 63',
  ],
  ['a share that is none', '50%', '150%', '25: guard.maxRemoval: "150%" is not a share from 0% to 100%'],
  [
    'a duration that is none',
    'guard: {maxRemoval: 50%}',
    'cleanupPatience: forever',
    '25: cleanupPatience: "forever" is not a duration like 250ms, 30s, 5m or 1h',
  ],
  ['a key twice', 'guard: {maxRemoval: 50%}', 'cluster: prod-b', '25: Map keys must be unique'],
  [
    'a bracket left open',
    '[10.9.0.0/24]',
    '[10.9.0.0/24',
    '23: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  [
    'an alias without anchor',
    'cluster: prod-a',
    'cluster: *name',
    '1: Unresolved alias (the anchor must be set before the alias): name',
  ],
]

const tens = (name: string, of: string) => `${name}: &${name} [${Array.from({ length: 10 }, () => of).join(', ')}]\n`

const listen = (text: string) =>
  GOOD.replace('203.0.113.10: 10.0.0.5', '203.0.113.10: "*"').replace('203.0.113.11: 10.0.0.6', text)

describe('each mistake is told with file, line and key', () => {
  for (const mistake of MISTAKES) test(mistake[0], () => assertTold(GOOD, mistake))

  test('all mistakes at once, a line each', () => {
    const { code, kind, message, remedy } = problemOf(GOOD.replace('prod-a', 'A').replace('50%', 'half'))
    assert.deepEqual([code, kind, remedy], ['ConfigInvalid', 'terminal', 'Mend the keys named above'])
    assert.deepEqual(
      message.split('\n').map((line) => line.split(': ').slice(0, 2)),
      [
        ['fairway.yaml:1', 'cluster'],
        ['fairway.yaml:25', 'guard.maxRemoval'],
      ],
    )
  })

  test('a missing key of the file, beneath comments', () =>
    assert.equal(
      problemOf(`# ours\n\n${GOOD.replace('cluster: prod-a\n', '')}`).message,
      'fairway.yaml:3: cluster: is missing',
    ))

  test('an empty file', () => assert.match(problemOf('').message, /^fairway\.yaml:1: the file: /))

  test('a file whose aliases multiply', () => {
    const text = tens('a', 'x') + tens('b', '*a') + tens('c', '*b') + tens('d', '*c')
    assert.match(problemOf(text).message, /^fairway\.yaml:1: Excessive alias count/)
  })

  test('the wildcard is bound once for each family', () => {
    assert.match(problemOf(listen('203.0.113.11: "*"')).message, /\* \(IPv4\) is bound for 203\.0\.113\.10 already/)
    parseConfig(listen('"2001:db8::1": "*"'), 'fairway.yaml')
  })

  test('files for TLS with a plain URL', () => {
    const text = GOOD.replace('url: https:', 'insecure: true\n          url: http:')
    assert.equal(
      problemOf(text).message,
      'fairway.yaml:15: classes[0].proxies[0].caddy.url: certFile, keyFile and caFile need an https URL',
    )
  })

  test('a file that is not there', async () => {
    await assert.rejects(loadConfig('/nowhere/fairway.yaml'), (error) => {
      assert.ok(error instanceof FairwayError)
      assert.match(error.problem.message, /^\/nowhere\/fairway\.yaml cannot be read: ENOENT/)
      assert.equal(error.problem.remedy, 'Give the path of fairway.yaml by --config')
      return true
    })
  })
})
