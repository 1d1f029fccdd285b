import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseConfig } from '../../../src/config/load.ts'
import { type DriverRequest, startClasses } from '../../../src/operator/classes.ts'
import { rangeOf } from '../../support/builders.ts'
import { createMemoryProxy } from '../../support/memory-driver.ts'

const CONFIG = `cluster: prod-a
cleanupPatience: 5m
classes:
  - name: public
    default: true
    loadBalancerClass: kubelb
    pools:
      - {name: main, addresses: [203.0.113.10-203.0.113.20]}
      - {name: east, addresses: [198.51.100.8/30], proxies: [edge-2]}
    evict: true
    ports: {deny: [22], reserve: {"80,443": [ingress]}}
    hosts: {"*.a.example": [team-a]}
    namespaces: {allow: [team-a], quota: {"*": 5}}
    defaults: {balance: random}
    nodes: {addressTypes: [InternalIP], selector: pool=edge, maxTargets: 8}
    pods: {cidrs: [10.244.0.0/16]}
    frontends:
      - {name: kube-apiserver, port: 6443, service: default/kubernetes}
      - name: old-mail
        address: 192.0.2.200
        port: 25
        targetPort: 2525
        targets: [192.0.2.7]
        sourceRanges: [198.51.100.0/24]
        settings: {proxy-protocol: v2}
    proxies:
      - {name: edge-1, caddy: {url: "https://10.1.0.100:2021"}, listen: {192.0.2.200: 10.0.0.5}}
      - {name: edge-2, caddy: {url: "https://[2001:db8::2]:2021"}}
  - name: private
    pools: [{name: main, addresses: [10.9.0.0/24]}]
    proxies: [{name: edge-3, caddy: {url: "https://edge-3.example:2021"}}]
`

/** The classes of the configuration, and what their drivers were made of, by name of the proxy. */
function start(text = CONFIG) {
  const requests = new Map<string, DriverRequest>()
  const classes = startClasses(parseConfig(text, 'fairway.yaml'), 'uid-1', (request) => {
    requests.set(request.proxy.name, request)
    return createMemoryProxy().driver
  })
  const requestOf = (name: string) => requests.get(name) ?? assert.fail(`no driver for ${name}`)
  return { classes, requestOf }
}

test('every key of a class is in its spec', () => {
  const { forbidden, ...spec } = start().classes[0]?.spec ?? assert.fail()
  assert.equal(typeof forbidden, 'function')
  assert.deepEqual(spec, {
    name: 'public',
    pools: [
      {
        name: 'main',
        addresses: [rangeOf('203.0.113.10-203.0.113.20')],
        autoAssign: true,
        avoidEdgeAddresses: false,
        namespaces: [],
        priority: 0,
        proxies: [],
      },
      {
        name: 'east',
        addresses: [rangeOf('198.51.100.8/30')],
        autoAssign: true,
        avoidEdgeAddresses: false,
        namespaces: [],
        priority: 0,
        proxies: ['edge-2'],
      },
    ],
    evict: true,
    rules: {
      deniedPorts: new Set([22]),
      reservedPorts: new Map([
        [80, ['ingress']],
        [443, ['ingress']],
      ]),
      reservedHosts: new Map([['*.a.example', ['team-a']]]),
      quota: new Map([['*', 5]]),
    },
    defaults: { balance: 'random' },
    addressTypes: ['InternalIP'],
    nodeSelector: 'pool=edge',
    maxTargets: 8,
    podRanges: [rangeOf('10.244.0.0/16')],
    fixed: [
      {
        name: 'kube-apiserver',
        addresses: ['203.0.113.10'],
        port: 6443,
        protocol: 'TCP',
        targetPort: 6443,
        targets: { kind: 'service', namespace: 'default', name: 'kubernetes' },
        sourceRanges: [],
        settings: {},
      },
      {
        name: 'old-mail',
        addresses: ['192.0.2.200'],
        port: 25,
        protocol: 'TCP',
        targetPort: 2525,
        targets: { kind: 'addresses', addresses: ['192.0.2.7'] },
        sourceRanges: ['198.51.100.0/24'],
        settings: { 'proxy-protocol': 'v2' },
      },
    ],
  })
})

test('a class runs with the rules of all, and the first one speaks for Services of none', () => {
  const { classes } = start()
  assert.deepEqual(
    classes.map(({ standing, speaksForStrays, cleanupPatienceMs, guard, rules }) => {
      return { standing, speaksForStrays, cleanupPatienceMs, guard, rules: rules.map(({ name }) => name) }
    }),
    [true, false].map((first) => ({
      standing: first,
      speaksForStrays: first,
      cleanupPatienceMs: 300_000,
      guard: { maxRemoval: 0.5, minFrontends: 10 },
      rules: ['public', 'private'],
    })),
  )
  assert.deepEqual(classes[0]?.rules[0], {
    name: 'public',
    default: true,
    aliases: ['kubelb'],
    namespaces: ['team-a'],
  })
})

describe('nothing of ours may be a target', () => {
  const OURS: readonly (readonly [what: string, address: string])[] = [
    ['an address of a pool', '203.0.113.12'],
    ['an address of a pool of another class', '10.9.0.7'],
    ['the admin API of a proxy', '10.1.0.100'],
    ['the admin API of a proxy in IPv6', '2001:db8::2'],
    ['a published address that no pool has', '192.0.2.200'],
    ['what is bound for it', '10.0.0.5'],
  ]
  const forbidden = start().classes[0]?.spec.forbidden
  for (const [what, address] of OURS) test(what, () => assert.equal(forbidden?.(address), true))
  test('anything else may', () => assert.equal(forbidden?.('10.1.0.1'), false))
})

describe('a driver is told which addresses its proxy has', () => {
  const DECLARED: readonly (readonly [what: string, address: string, at1: boolean, at2: boolean])[] = [
    ['of a pool of all', '203.0.113.10', true, true],
    ['of a pool that names its proxies', '198.51.100.9', false, true],
    ['of a listen map', '192.0.2.200', true, true],
    ['of another class', '10.9.0.1', false, false],
  ]
  const { requestOf } = start()
  for (const [what, address, at1, at2] of DECLARED) {
    test(what, () => {
      const { declares } = requestOf('edge-1')
      assert.deepEqual([declares(address), requestOf('edge-2').declares(address)], [at1, at2])
    })
  }

  test('and whether another proxy has them too', () => {
    assert.deepEqual(
      ['edge-1', 'edge-2', 'edge-3'].map((name) => requestOf(name).sharesAddresses),
      [true, true, false],
    )
    const apart = CONFIG.replace('203.0.113.20]}', '203.0.113.20], proxies: [edge-1]}')
    assert.equal(start(apart).requestOf('edge-1').sharesAddresses, false)
  })
})

test('a driver writes in the name of its cluster and class', () =>
  assert.deepEqual(start().requestOf('edge-3').owner, { cluster: 'prod-a', className: 'private', uid: 'uid-1' }))
