import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { frontendAddresses } from '../../../src/config/addresses.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { assertTold, type Mistake } from './problem-of.ts'

const GOOD = `cluster: prod-a
classes:
  - name: public
    pools:
      - name: team
        addresses: [203.0.113.5]
        namespaces: [team-a]
      - name: asked
        addresses: [203.0.113.6]
        autoAssign: false
      - name: main
        addresses: [203.0.113.0-203.0.113.4, "2001:db8::/124"]
        avoidEdgeAddresses: true
    ports: {deny: [6443], reserve: {"25": [mail]}}
    frontends:
      - name: kube-apiserver
        port: 6443
        nodes: node-role.kubernetes.io/control-plane
      - name: old-mail
        address: 203.0.113.3
        port: 25
        targetPort: 2525
        targets: [192.0.2.7, "2001:db8:1::7"]
        sourceRanges: [198.51.100.7/24]
        settings: {proxy-protocol: v2}
      - name: named
        addresses: [203.0.113.4, 192.0.2.200]
        port: 443
        service: default/kubernetes
        settings: {hosts: "api.example,*.api.example"}
    proxies:
      - name: edge-1
        caddy: {url: "https://10.1.0.100:2021"}
        listen: {192.0.2.200: 10.0.0.5}
`

test('frontends of the configuration, with every default filled in', () => {
  assert.deepEqual(parseConfig(GOOD, 'fairway.yaml').classes[0]?.frontends, [
    {
      name: 'kube-apiserver',
      port: 6443,
      protocol: 'TCP',
      targetPort: 6443,
      targets: { kind: 'nodes', selector: 'node-role.kubernetes.io/control-plane' },
      sourceRanges: [],
      settings: {},
    },
    {
      name: 'old-mail',
      address: '203.0.113.3',
      port: 25,
      protocol: 'TCP',
      targetPort: 2525,
      targets: { kind: 'addresses', addresses: ['192.0.2.7', '2001:db8:1::7'] },
      sourceRanges: ['198.51.100.0/24'],
      settings: { 'proxy-protocol': 'v2' },
    },
    {
      name: 'named',
      addresses: ['203.0.113.4', '192.0.2.200'],
      port: 443,
      protocol: 'TCP',
      targetPort: 443,
      targets: { kind: 'service', namespace: 'default', name: 'kubernetes' },
      sourceRanges: [],
      settings: { hosts: 'api.example,*.api.example' },
    },
  ])
})

describe('where a frontend listens', () => {
  const { pools = [], frontends = [] } = parseConfig(GOOD, 'fairway.yaml').classes[0] ?? {}
  const at = (index: number) => frontends[index] && frontendAddresses(frontends[index], pools)
  test('unasked: the first address of each family that everybody may be given', () =>
    assert.deepEqual(at(0), ['203.0.113.1', '2001:db8::']))
  test('at the address that it names', () => assert.deepEqual(at(1), ['203.0.113.3']))
  test('at all addresses that it names', () => assert.deepEqual(at(2), ['203.0.113.4', '192.0.2.200']))
})

const MISTAKES: readonly Mistake[] = [
  [
    'a name twice',
    'name: old-mail',
    'name: kube-apiserver',
    '19: classes[0].frontends[1].name: "kube-apiserver" is already the name of entry 1',
  ],
  ['no port', '        port: 443\n', '', '26: classes[0].frontends[2].port: is missing'],
  [
    'nowhere to go',
    '        nodes: node-role.kubernetes.io/control-plane\n',
    '',
    '16: classes[0].frontends[0]: needs one of the keys: nodes, targets, service',
  ],
  [
    'two ways to go',
    'service: default/kubernetes',
    'service: default/kubernetes\n        nodes: ""',
    '29: classes[0].frontends[2].service: cannot stand beside nodes; give one of the keys: nodes, targets, service',
  ],
  [
    'no such way to go',
    'service: default/kubernetes',
    'nodePort: 30443',
    '29: classes[0].frontends[2].nodePort: unknown key "nodePort"\nfairway.yaml:26: classes[0].frontends[2]: needs one of the keys: nodes, targets, service',
  ],
  [
    'a selector that is none',
    'node-role.kubernetes.io/control-plane',
    'control plane',
    '18: classes[0].frontends[0].nodes: "control plane" is not a label selector like pool=edge',
  ],
  [
    'a Service without namespace',
    'default/kubernetes',
    'kubernetes',
    '29: classes[0].frontends[2].service: "kubernetes" is not a Service like default/kubernetes',
  ],
  [
    'a target that is no address',
    '[192.0.2.7,',
    '[mail.example,',
    '23: classes[0].frontends[1].targets[0]: "mail.example" is not an IPv4 or IPv6 address',
  ],
  [
    'a target at the proxy itself',
    '[192.0.2.7,',
    '[127.0.0.1,',
    '23: classes[0].frontends[1].targets[0]: 127.0.0.1 leads to the proxy itself, or to nobody',
  ],
  [
    "a target that is the proxy's admin API",
    '[192.0.2.7,',
    '[10.1.0.100,',
    '23: classes[0].frontends[1].targets[0]: 10.1.0.100 is an address of a pool or of a proxy',
  ],
  [
    'a target that is published',
    '[192.0.2.7,',
    '[203.0.113.4,',
    '23: classes[0].frontends[1].targets[0]: 203.0.113.4 is an address of a pool or of a proxy',
  ],
  [
    'no target',
    'targets: [192.0.2.7, "2001:db8:1::7"]',
    'targets: []',
    '23: classes[0].frontends[1].targets: needs at least one address',
  ],
  [
    'an address of no pool',
    'address: 203.0.113.3',
    'address: 203.0.113.99',
    '20: classes[0].frontends[1].address: 203.0.113.99 is in no pool of the class, and in no listen of its proxies',
  ],
  [
    'an address of no pool among several',
    '203.0.113.4, 192.0.2.200]',
    '203.0.113.4, 192.0.2.201]',
    '27: classes[0].frontends[2].addresses[1]: 192.0.2.201 is in no pool of the class, and in no listen of its proxies',
  ],
  [
    'one address and several',
    'address: 203.0.113.3\n',
    'address: 203.0.113.3\n        addresses: [203.0.113.4]\n',
    '21: classes[0].frontends[1].addresses: cannot stand beside address; give one of the two',
  ],
  [
    'source ranges that are none',
    '198.51.100.7/24',
    '198.51.100.7',
    '24: classes[0].frontends[1].sourceRanges[0]: "198.51.100.7" is not a CIDR like 198.51.100.0/24',
  ],
  [
    'a setting that is malformed',
    'proxy-protocol: v2',
    'proxy-protocol: v3',
    '25: classes[0].frontends[1].settings.proxy-protocol: "v3" is not one of v1, v2, off',
  ],
  [
    'a setting that does not exist',
    'proxy-protocol: v2',
    'proxyprotocol: v2',
    '25: classes[0].frontends[1].settings.proxyprotocol: unknown annotation "proxyprotocol" (did you mean "proxy-protocol"?)',
  ],
  [
    'a setting of Services',
    'proxy-protocol: v2',
    'sharing: any',
    '25: classes[0].frontends[1].settings.sharing: "sharing" is not for a frontend without a Service, which can have: balance, health-check, health-check-fall, health-check-interval, health-check-rise, health-check-timeout, hosts, idle-timeout, max-connections, proxy-protocol',
  ],
  [
    'hosts over UDP',
    'port: 443',
    'port: 443\n        protocol: UDP',
    '31: classes[0].frontends[2].settings.hosts: UDP has no server names',
  ],
  [
    'another protocol',
    'port: 443',
    'port: 443\n        protocol: SCTP',
    '29: classes[0].frontends[2].protocol: Invalid option: expected one of "TCP"|"UDP"',
  ],
  [
    'two on one socket',
    'address: 203.0.113.3\n        port: 25',
    'address: 203.0.113.1\n        port: 6443',
    '21: classes[0].frontends[1].port: tcp/203.0.113.1:6443 is taken by frontend "kube-apiserver"',
  ],
  [
    'two for one host',
    'address: 203.0.113.3\n        port: 25\n        targetPort: 2525\n        targets: [192.0.2.7, "2001:db8:1::7"]\n        sourceRanges: [198.51.100.7/24]\n        settings: {proxy-protocol: v2}',
    'address: 203.0.113.4\n        port: 443\n        targets: [192.0.2.7]\n        settings: {hosts: b.api.example}',
    '26: classes[0].frontends[2].port: tcp/203.0.113.4:443 is taken by frontend "old-mail"',
  ],
  [
    'an address twice',
    '203.0.113.4, 192.0.2.200]',
    '203.0.113.4, 203.0.113.4]',
    '28: classes[0].frontends[2].port: tcp/203.0.113.4:443 is taken by frontend "named"',
  ],
]

describe('each mistake in a frontend is told with file, line and key', () => {
  for (const mistake of MISTAKES) test(mistake[0], () => assertTold(GOOD, mistake))

  test('no pool that gives an address unasked', () =>
    assertTold(GOOD, [
      '',
      'avoidEdgeAddresses: true',
      'autoAssign: false',
      '16: classes[0].frontends[0]: needs an address: no pool of the class gives one to everybody unasked',
    ]))
})

const beside = (more: string) =>
  GOOD.replace('address: 203.0.113.3\n        port: 25', `address: 203.0.113.4\n        port: 443${more}`)

describe('two frontends may share a socket', () => {
  test('if one has hosts and the other has none', () => void parseConfig(beside(''), 'fairway.yaml'))
  test('if the other one is UDP', () => void parseConfig(beside('\n        protocol: UDP'), 'fairway.yaml'))
})
