import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ClassSpec, ClusterState } from '../../../src/desired/desire.ts'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import { type Frontend, frontendKey } from '../../../src/model/table.ts'
import { desire, endpoint, node, pool, type ServiceWishes, service, slice } from '../../support/builders.ts'

/** The frontends of one Service by port. */
function frontendsOf(wishes: ServiceWishes, spec: Partial<ClassSpec> = {}): readonly Frontend[] {
  return desire([service('web', wishes)], spec).table.frontends
}

function only(wishes: ServiceWishes, spec: Partial<ClassSpec> = {}): Frontend {
  const [first, ...rest] = frontendsOf(wishes, spec)
  assert.ok(first !== undefined && rest.length === 0, 'not exactly one frontend')
  return first
}

/** Addresses of the targets by Service, and the problems. */
function targets(services: readonly ServiceObject[], spec: Partial<ClassSpec> = {}, state: Partial<ClusterState> = {}) {
  const { table, problems, nodeGroups } = desire(services, spec, state)
  const groups = new Map(table.groups.map((group) => [group.id, group.targets.map(({ address }) => address).join(' ')]))
  return {
    of: Object.fromEntries(table.frontends.map(({ service: of, group }) => [of?.name, groups.get(group)])),
    groups: groups.size,
    problems: [...problems.values()].flat().map(({ problem }) => problem.code),
    nodeGroups: [...nodeGroups],
  }
}

describe('a frontend', () => {
  test('with nothing asked for', () => {
    assert.deepEqual(only({}), {
      address: '203.0.113.10',
      port: 443,
      protocol: 'TCP',
      group: 'nodes/ExternalIP,InternalIP/IPv4',
      targetPort: 30_443,
      proxyProtocol: 'off',
      balance: 'round-robin',
      healthCheck: 'off',
      idleTimeoutMs: undefined,
      maxConnections: undefined,
      sourceRanges: [],
      hosts: [],
      service: { namespace: 'default', name: 'web', uid: 'uid of default/web' },
    })
  })

  test('with everything asked for', () => {
    const annotations = {
      'proxy-protocol': 'v2',
      balance: 'random',
      'health-check': 'tcp',
      'idle-timeout': '5m',
      'max-connections': '100',
      hosts: 'b.example,a.example',
    }
    const { proxyProtocol, balance, healthCheck, idleTimeoutMs, maxConnections, hosts } = only({ annotations })
    assert.deepEqual(
      [proxyProtocol, balance, healthCheck, idleTimeoutMs, maxConnections],
      ['v2', 'random', 'tcp', 300_000, 100],
    )
    assert.deepEqual(hosts, ['a.example', 'b.example'])
    assert.deepEqual(only({}, { defaults: annotations }), only({ annotations }))
  })

  test('for each port and each address', () => {
    const spec = { ipFamilies: ['IPv4', 'IPv6'] as const }
    const { table } = desire([service('web', { ports: ['80', '53/UDP'], spec })], {
      pools: [pool('main', ['203.0.113.10', '2001:db8::1'])],
    })
    assert.deepEqual(table.frontends.map(frontendKey), [
      'tcp/203.0.113.10:80',
      'tcp/[2001:db8::1]:80',
      'udp/203.0.113.10:53',
      'udp/[2001:db8::1]:53',
    ])
  })

  test('settings by port', () => {
    const wishes = {
      ports: ['https:443', 'ssh:22'],
      annotations: { 'proxy-protocol': 'https=v2', 'idle-timeout': 'ssh=1h' },
    }
    assert.deepEqual(
      frontendsOf(wishes, { defaults: { 'proxy-protocol': 'v1' } }).map((one) => [
        one.port,
        one.proxyProtocol,
        one.idleTimeoutMs,
      ]),
      [
        [22, 'v1', 3_600_000],
        [443, 'v2', undefined],
      ],
    )
  })

  test('of a NodePort Service, on the port that it names', () => {
    const { port, targetPort } = only({
      type: 'NodePort',
      ports: ['https:8443', 'x:9'],
      annotations: { class: 'public', ports: 'https=443' },
    })
    assert.deepEqual([port, targetPort], [443, 30_000 + (8_443 % 2_768)])
  })
})

describe('session affinity', () => {
  const spec = { sessionAffinity: 'ClientIP' } as const
  const table: readonly (readonly [why: string, ServiceWishes, defaults: Record<string, string>, balance: string])[] = [
    ['balances by source', { spec }, {}, 'source'],
    ['wins over the default of the class', { spec }, { balance: 'random' }, 'source'],
    ['loses against the own annotation', { spec, annotations: { balance: 'random' } }, {}, 'random'],
    ['loses against the own annotation for that port', { spec, annotations: { balance: '443=random' } }, {}, 'random'],
    ['None asks for nothing', { spec: { sessionAffinity: 'None' } }, { balance: 'random' }, 'random'],
  ]
  for (const [why, wishes, defaults, balance] of table) {
    test(why, () => assert.equal(only(wishes, { defaults }).balance, balance))
  }
})

const ranges = (...loadBalancerSourceRanges: readonly string[]) => ({ spec: { loadBalancerSourceRanges } })

describe('loadBalancerSourceRanges', () => {
  test('are canonical, sorted, each once', () =>
    assert.deepEqual(only(ranges('198.51.100.7/24', '2001:DB8::/32', ' 10.0.0.0/8', '198.51.100.0/24')).sourceRanges, [
      '10.0.0.0/8',
      '198.51.100.0/24',
      '2001:db8::/32',
    ]))

  test('with one that cannot be read nobody is let in, and the Service is told', () => {
    const { table, problems } = desire([
      service('web', ranges('10.0.0.0/8', 'office')),
      service('other', { ports: ['80'] }),
    ])
    assert.deepEqual(
      table.frontends.map(({ service: of }) => of?.name),
      ['other'],
    )
    assert.deepEqual(
      problems.get('uid of default/web')?.map(({ problem }) => problem.message),
      ['Service default/web has loadBalancerSourceRanges 10.0.0.0/8, office, not all of which are CIDRs'],
    )
  })

  test('say nothing on a NodePort Service', () =>
    assert.deepEqual(
      only({ type: 'NodePort', annotations: { class: 'public' }, ...ranges('office') }).sourceRanges,
      [],
    ))
})

describe('targets', () => {
  const nodes = [
    node('n1', ['InternalIP 10.0.0.1', 'ExternalIP 198.51.100.1'], { labels: { role: 'edge' } }),
    node('n2', ['InternalIP 10.0.0.2'], { labels: { role: 'edge', disk: 'ssd' } }),
    node('n3', ['InternalIP 10.0.0.3', 'InternalIP fd00::3']),
  ]

  test('Services that choose nodes alike share a group', () => {
    const services = [
      service('a'),
      service('b', { ports: ['80'] }),
      service('c', { ports: ['81'], annotations: { 'node-address-type': 'InternalIP' } }),
    ]
    const { of, groups, nodeGroups } = targets(services, {}, { nodes })
    assert.deepEqual(of, {
      a: '10.0.0.2 10.0.0.3 198.51.100.1',
      b: '10.0.0.2 10.0.0.3 198.51.100.1',
      c: '10.0.0.1 10.0.0.2 10.0.0.3',
    })
    assert.deepEqual([groups, nodeGroups.length], [2, 2])
  })

  test('the selector of the class and that of the Service both hold', () => {
    const services = [service('a', { annotations: { 'node-selector': 'disk=ssd' } }), service('b', { ports: ['80'] })]
    assert.deepEqual(targets(services, { nodeSelector: 'role=edge' }, { nodes }).of, {
      a: '10.0.0.2',
      b: '10.0.0.2 198.51.100.1',
    })
  })

  test('are of the families on which the Service listens, not of those of the frontend', () =>
    assert.deepEqual(
      targets([service('a', { spec: { ipFamilies: ['IPv6'] }, annotations: { families: 'IPv4' } })], {}, { nodes }).of,
      { a: 'fd00::3' },
    ))

  test('never an address of ours', () =>
    assert.deepEqual(targets([service('a')], { forbidden: (address) => address === '198.51.100.1' }, { nodes }).of, {
      a: '10.0.0.1 10.0.0.2 10.0.0.3',
    }))

  test('none: the frontend stays, its Service is told', () => {
    assert.deepEqual(targets([service('a')], {}, { nodes: [] }), {
      of: { a: '' },
      groups: 1,
      problems: ['NoTargets'],
      nodeGroups: ['nodes/ExternalIP,InternalIP/IPv4'],
    })
  })

  test('under externalTrafficPolicy Local only nodes with endpoints, a group for each Service', () => {
    const spec = { externalTrafficPolicy: 'Local' } as const
    const [a, b, c] = [service('a', { spec }), service('b', { ports: ['80'], spec }), service('c', { ports: ['81'] })]
    const slicesOf = (of: ServiceObject) =>
      of === a ? [slice(a, [endpoint('n2', { ready: true }), endpoint('gone')])] : []
    assert.deepEqual(targets([a, b, c], {}, { nodes, slicesOf }), {
      of: { a: '10.0.0.2', b: '', c: '10.0.0.2 10.0.0.3 198.51.100.1' },
      groups: 3,
      problems: ['NoTargets'],
      nodeGroups: ['nodes/ExternalIP,InternalIP/IPv4'],
    })
  })

  test('publishNotReadyAddresses reaches the endpoints', () => {
    const a = service('a', { spec: { externalTrafficPolicy: 'Local', publishNotReadyAddresses: true } })
    const slicesOf = () => [slice(a, [endpoint('n3', { ready: false })])]
    assert.deepEqual(targets([a], {}, { nodes, slicesOf }).of, { a: '10.0.0.3' })
  })

  test('pods as targets are not served yet, and nodes are used', () => {
    const { of, problems } = targets([service('a', { annotations: { targets: 'pods' } })], {}, { nodes })
    assert.deepEqual([of, problems], [{ a: '10.0.0.2 10.0.0.3 198.51.100.1' }, ['Unsupported']])
  })
})
