import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig, parseConfig } from '../../../src/config/load.ts'
import { rangeOf } from '../../support/builders.ts'

const LEAST = `
cluster: prod-a
classes:
  - name: public
    pools: [{name: main, addresses: [203.0.113.10]}]
    proxies: [{name: edge-1, caddy: {url: "https://10.1.0.100:2021"}}]
`

const FULL = `
cluster: prod-a
cleanupPatience: 5m
guard: {maxRemoval: 20%, minFrontends: 4}
classes:
  - name: public
    default: true
    loadBalancerClass: kubelb
    pools:
      - name: main
        addresses: [203.0.113.10-203.0.113.20, 203.0.113.64/28, "2001:db8::/120"]
        autoAssign: false
        avoidEdgeAddresses: true
        namespaces: [team-a]
        priority: 7
        proxies: [edge-1]
    evict: true
    ports: {deny: [22, 2019], reserve: {"80,443": [ingress-nginx], "25": [mail, old-mail]}}
    hosts: {"*.a.example": [team-a], "b.example,*.b.example": [team-b]}
    namespaces: {allow: [team-a, team-b], quota: {team-a: 20, "*": 0}}
    defaults: {proxy-protocol: v2, sharing: namespace, health-check: "off", pool: main}
    nodes: {addressTypes: [InternalIP], selector: role=edge, maxTargets: 8}
    pods: {cidrs: [10.244.0.0/16]}
    frontends: [{name: kube-apiserver, address: 203.0.113.10, port: 6443, service: default/kubernetes}]
    proxies:
      - name: edge-1
        caddy:
          url: https://10.1.0.100:2021
          certFile: /etc/fairway/tls.crt
          keyFile: /etc/fairway/tls.key
          caFile: /etc/fairway/ca.crt
          probe: false
          timeout: 2s
        listen: {203.0.113.10: 10.0.0.5, "2001:db8::1": "*"}
  - name: private
    loadBalancerClass: [metallb, "example.org/lb"]
    pools: [{name: main, addresses: [10.9.0.0/24]}]
    proxies: [{name: edge-1, caddy: {url: "http://127.0.0.1:2019", insecure: true}}]
`

test('the least that a file must say, with every default filled in', () => {
  assert.deepEqual(parseConfig(LEAST, 'fairway.yaml'), {
    cluster: 'prod-a',
    cleanupPatience: 600_000,
    guard: { maxRemoval: 0.5, minFrontends: 10 },
    classes: [
      {
        name: 'public',
        default: false,
        loadBalancerClass: [],
        pools: [
          {
            name: 'main',
            addresses: [rangeOf('203.0.113.10')],
            autoAssign: true,
            avoidEdgeAddresses: false,
            namespaces: [],
            priority: 0,
            proxies: [],
          },
        ],
        evict: false,
        ports: { deny: [], reserve: new Map() },
        hosts: new Map(),
        namespaces: { allow: ['*'], quota: new Map() },
        defaults: {},
        nodes: { addressTypes: ['ExternalIP', 'InternalIP'], selector: '', maxTargets: 0 },
        pods: { cidrs: [] },
        frontends: [],
        proxies: [
          {
            name: 'edge-1',
            access: { kind: 'caddy', url: 'https://10.1.0.100:2021', insecure: false, probe: true, timeout: 10_000 },
            listen: {},
          },
        ],
      },
    ],
  })
})

test('a file with every key', () => {
  const config = parseConfig(FULL, 'fairway.yaml')
  assert.deepEqual([config.cleanupPatience, config.guard], [300_000, { maxRemoval: 0.2, minFrontends: 4 }])
  const [first, second] = config.classes
  assert.deepEqual(first, {
    name: 'public',
    default: true,
    loadBalancerClass: ['kubelb'],
    pools: [
      {
        name: 'main',
        addresses: ['203.0.113.10-203.0.113.20', '203.0.113.64/28', '2001:db8::/120'].map(rangeOf),
        autoAssign: false,
        avoidEdgeAddresses: true,
        namespaces: ['team-a'],
        priority: 7,
        proxies: ['edge-1'],
      },
    ],
    evict: true,
    ports: {
      deny: [22, 2019],
      reserve: new Map([
        [25, ['mail', 'old-mail']],
        [80, ['ingress-nginx']],
        [443, ['ingress-nginx']],
      ]),
    },
    hosts: new Map([
      ['*.a.example', ['team-a']],
      ['b.example', ['team-b']],
      ['*.b.example', ['team-b']],
    ]),
    namespaces: {
      allow: ['team-a', 'team-b'],
      quota: new Map([
        ['team-a', 20],
        ['*', 0],
      ]),
    },
    defaults: { 'proxy-protocol': 'v2', sharing: 'namespace', 'health-check': 'off', pool: 'main' },
    nodes: { addressTypes: ['InternalIP'], selector: 'role=edge', maxTargets: 8 },
    pods: { cidrs: [rangeOf('10.244.0.0/16')] },
    frontends: [
      {
        name: 'kube-apiserver',
        address: '203.0.113.10',
        port: 6443,
        protocol: 'TCP',
        targetPort: 6443,
        targets: { kind: 'service', namespace: 'default', name: 'kubernetes' },
        sourceRanges: [],
        settings: {},
      },
    ],
    proxies: [
      {
        name: 'edge-1',
        access: {
          kind: 'caddy',
          url: 'https://10.1.0.100:2021',
          insecure: false,
          certFile: '/etc/fairway/tls.crt',
          keyFile: '/etc/fairway/tls.key',
          caFile: '/etc/fairway/ca.crt',
          probe: false,
          timeout: 2_000,
        },
        listen: { '203.0.113.10': '10.0.0.5', '2001:db8::1': '*' },
      },
    ],
  })
  assert.deepEqual(second?.loadBalancerClass, ['metallb', 'example.org/lb'])
  assert.equal(second?.proxies[0]?.access.insecure, true)
})

test('a file is read from disk, and its text handed back for comparison', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'fairway-config-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'fairway.yaml')
  await writeFile(path, LEAST)
  assert.deepEqual(await loadConfig(path), { config: parseConfig(LEAST, path), text: LEAST })
})

test('JSON is YAML, and so a configuration too', () => {
  const { name, pools, proxies } = {
    name: 'a',
    pools: [{ name: 'p', addresses: ['::1'] }],
    proxies: [{ name: 'x', caddy: { url: 'https://e' } }],
  }
  const text = JSON.stringify({ cluster: 'c', classes: [{ name, pools, proxies }] })
  assert.equal(parseConfig(text, 'fairway.json').classes[0]?.pools[0]?.addresses[0]?.family, 'IPv6')
})
