import { describe, test } from 'node:test'
import { parseConfig } from '../../../src/config/load.ts'
import { assertTold, type Mistake } from './problem-of.ts'

const GOOD = `cluster: prod-a
classes:
  - name: public
    pools:
      - name: main
        addresses: [203.0.113.10-203.0.113.20]
      - name: east
        addresses: [198.51.100.8/30]
        proxies: [edge-2]
    evict: true
    ports:
      deny: [22, 2019]
      reserve:
        "80,443": [ingress]
        25: [mail]
    hosts:
      "*.a.example": [team-a]
    namespaces:
      quota:
        team-a: 20
    defaults:
      balance: random
    nodes:
      selector: pool=edge
      maxTargets: 8
    pods:
      cidrs: [10.244.0.0/16]
    proxies:
      - name: edge-1
        caddy: {url: "https://10.1.0.100:2021"}
        listen:
          203.0.113.10: 10.0.0.5
      - name: edge-2
        caddy: {url: "https://10.1.0.101:2021"}
`

const RULES: readonly Mistake[] = [
  [
    'a proxy that the class does not have',
    '[edge-2]',
    '[edge-2, edge-11]',
    '9: classes[0].pools[1].proxies[1]: "edge-11" is no proxy of the class (did you mean "edge-1"?)',
  ],
  ['neither true nor false', 'evict: true', 'evict: always', '10: classes[0].evict: must be true or false'],
  [
    'a port that is none among several',
    '"80,443"',
    '"80,https"',
    '14: classes[0].ports.reserve.80,https: "80,https" is not a port, or a list of ports like "80,443"',
  ],
  [
    'a port that is none by itself',
    '        25:',
    '        0:',
    '15: classes[0].ports.reserve.0: "0" is not a port, or a list of ports like "80,443"',
  ],
  [
    'a range of ports',
    '"80,443"',
    '80-443',
    '14: classes[0].ports.reserve.80-443: "80-443" is not a port, or a list of ports like "80,443"',
  ],
  ['a port reserved twice', '        25:', '        443:', '14: classes[0].ports.reserve.80,443: 443 is there twice'],
  ['a port twice in one key', '"80,443"', '"80,80"', '14: classes[0].ports.reserve.80,80: 80 is there twice'],
  ['a port kept for nobody', '[mail]', '[]', '15: classes[0].ports.reserve.25: needs at least one namespace'],
  [
    'a port kept for somebody and for nobody',
    '[22, 2019]',
    '[22, 443]',
    '12: classes[0].ports.deny[1]: 443 is in reserve too',
  ],
  [
    'a host in upper case',
    '"*.a.example"',
    'A.example',
    '17: classes[0].hosts.A.example: "A.example" is not a host name in lower case, or *. before one',
  ],
  [
    'a star in the middle',
    '"*.a.example"',
    'b.*.example',
    '17: classes[0].hosts.b.*.example: "b.*.example" is not a host name in lower case, or *. before one',
  ],
  ['a host for nobody', '[team-a]', '[]', '17: classes[0].hosts.*.a.example: needs at least one namespace'],
  [
    'a quota of no namespace',
    'team-a: 20',
    'team_a: 20',
    '20: classes[0].namespaces.quota.team_a: "team_a" is not a namespace, or "*" for all others',
  ],
  ['a quota that is none', 'team-a: 20', 'team-a: many', '20: classes[0].namespaces.quota.team-a: must be a number'],
  [
    'a default that does not exist',
    'balance: random',
    'ballance: random',
    '22: classes[0].defaults.ballance: unknown annotation "ballance" (did you mean "balance"?)',
  ],
  [
    'a default that is malformed',
    'balance: random',
    'balance: rnd',
    '22: classes[0].defaults.balance: "rnd" is not one of round-robin, least-connections, source, random',
  ],
  [
    'a default pool that is none',
    'balance: random',
    'pool: Main',
    '22: classes[0].defaults.pool: "Main" is not the name of a pool',
  ],
  [
    'a default pool of another class',
    'balance: random',
    'pool: mein',
    '22: classes[0].defaults.pool: "mein" is no pool of the class (did you mean "main"?)',
  ],
  [
    'a default in YAML that is no text',
    'balance: random',
    'health-check-fall: 3',
    '22: classes[0].defaults.health-check-fall: must be text; put it in quotes',
  ],
  [
    'a selector that is none',
    'pool=edge',
    'pool edge',
    '24: classes[0].nodes.selector: "pool edge" is not a label selector like pool=edge',
  ],
  [
    'fewer targets than none',
    'maxTargets: 8',
    'maxTargets: -1',
    '25: classes[0].nodes.maxTargets: Too small: expected number to be >=0',
  ],
  [
    'a range of pods with host bits',
    '10.244.0.0/16',
    '10.244.1.0/16',
    '27: classes[0].pods.cidrs[0]: "10.244.1.0/16" is not an address, a range first-last, or a CIDR without host bits',
  ],
  [
    'a proxy without its kind',
    'caddy: {url: "https://10.1.0.101:2021"}',
    'listen: {}',
    '33: classes[0].proxies[1]: needs one of the keys: caddy, edge, dataplane, webhook',
  ],
  [
    'a proxy of a kind that is not known',
    'caddy: {url: "https://10.1.0.101:2021"}',
    'haproxy: {}',
    '34: classes[0].proxies[1].haproxy: unknown key "haproxy"\nfairway.yaml:33: classes[0].proxies[1]: needs one of the keys: caddy, edge, dataplane, webhook',
  ],
  [
    'an address bound for two',
    '203.0.113.10: 10.0.0.5',
    '203.0.113.10: 203.0.113.11',
    '32: classes[0].proxies[0].listen.203.0.113.10: 203.0.113.11 is an address of pool "main", and bound for itself: give it an entry here too, or bind another one for 203.0.113.10',
  ],
]

describe('each mistake in a class is told with file, line and key', () => {
  test('without a mistake it is taken', () => void parseConfig(GOOD, 'fairway.yaml'))
  for (const mistake of RULES) test(mistake[0], () => assertTold(GOOD, mistake))

  test('pods by default, and nowhere that they may be', () =>
    assertTold(GOOD.replace('cidrs: [10.244.0.0/16]', 'cidrs: []'), [
      '',
      'balance: random',
      'targets: pods',
      '22: classes[0].defaults.targets: needs pods.cidrs, where the addresses of pods are',
    ]))
})

/** What is bound for one published address, beside `edge-1`'s other entries. */
const bound = (entries: string) => GOOD.replace('203.0.113.10: 10.0.0.5', entries)

describe('an address of a pool may be bound for another one', () => {
  const ALLOWED: readonly (readonly [why: string, entries: string])[] = [
    ['it is bound for itself', '203.0.113.10: 203.0.113.10'],
    ['another one is bound for it', '{203.0.113.10: 203.0.113.11, 203.0.113.11: 10.0.0.5}'],
    ['two are bound for each other', '{203.0.113.10: 203.0.113.11, 203.0.113.11: 203.0.113.10}'],
    ['its pool is not on this proxy', '203.0.113.10: 198.51.100.9'],
  ]
  for (const [why, entries] of ALLOWED) test(`if ${why}`, () => void parseConfig(bound(entries), 'fairway.yaml'))
})

test('a class may give nothing unasked', () => {
  const text = GOOD.replaceAll(/( +)addresses: /g, '$1autoAssign: false\n$1addresses: ')
  void parseConfig(text, 'fairway.yaml')
})
