import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ClassSpec, ClusterState, FixedFrontend } from '../../../src/desired/spec.ts'
import type { EndpointSliceObject } from '../../../src/kube/objects.ts'
import { frontendKey } from '../../../src/model/table.ts'
import { desire, type NodeWishes, node, pod, service, slice } from '../../support/builders.ts'

const KUBERNETES = { metadata: { namespace: 'default', name: 'kubernetes' } }
const CONTROL_PLANE = 'node-role.kubernetes.io/control-plane'
const EXCLUDE = 'node.kubernetes.io/exclude-from-external-load-balancers'

function fixed(wishes: Partial<FixedFrontend> = {}): FixedFrontend {
  return {
    name: 'kube-apiserver',
    addresses: ['203.0.113.10'],
    port: 6_443,
    protocol: 'TCP',
    targetPort: 6_443,
    targets: { kind: 'nodes', selector: CONTROL_PLANE },
    sourceRanges: [],
    settings: {},
    ...wishes,
  }
}

/** Where the frontend leads: `10.0.0.1:6443 10.0.0.2:6443(cordoned)`; and what is wrong with it. */
function lead(wishes: Partial<FixedFrontend>, state: Partial<ClusterState> = {}, spec: Partial<ClassSpec> = {}) {
  const { table, fixedProblems } = desire([], { ...spec, fixed: [fixed(wishes)] }, state)
  const [frontend] = table.frontends
  const targets = table.groups.flatMap((group) => group.targets)
  const written = targets.map(({ address, port = frontend?.targetPort, draining }) =>
    draining === undefined ? `${address}:${port}` : `${address}:${port}(${draining})`,
  )
  return [written.join(' '), ...fixedProblems.map(({ message }) => message)]
}

test('a frontend of the configuration is served with no Service behind it, on each of its addresses', () => {
  const { table, placements, problems } = desire([], { fixed: [fixed({ addresses: ['203.0.113.10', '2001:db8::1'] })] })
  assert.deepEqual(table.frontends.map(frontendKey), ['tcp/203.0.113.10:6443', 'tcp/[2001:db8::1]:6443'])
  assert.deepEqual([placements.length, problems.size], [0, 0])
  const [first] = table.frontends
  assert.deepEqual(first, {
    address: '203.0.113.10',
    port: 6_443,
    protocol: 'TCP',
    group: 'fixed/kube-apiserver',
    targetPort: 6_443,
    proxyProtocol: 'off',
    balance: 'round-robin',
    healthCheck: undefined,
    affinityMs: undefined,
    idleTimeoutMs: undefined,
    maxConnections: undefined,
    sourceRanges: [],
    hosts: [],
    service: undefined,
  })
})

describe('its settings are annotation values', () => {
  const settings = {
    'proxy-protocol': 'v2',
    balance: 'source',
    'health-check': 'http',
    'health-check-interval': '1s',
    'idle-timeout': '1h',
    'max-connections': '10',
    hosts: 'b.example,a.example',
  }
  test('all of them', () => {
    const [found] = desire([], { fixed: [fixed({ settings, sourceRanges: ['198.51.100.7/24', '10.0.0.0/8'] })] }).table
      .frontends
    const { proxyProtocol, balance, healthCheck, idleTimeoutMs, maxConnections, hosts, sourceRanges } = found ?? {}
    assert.deepEqual([proxyProtocol, balance, idleTimeoutMs, maxConnections], ['v2', 'source', 3_600_000, 10])
    assert.deepEqual(
      [hosts, sourceRanges],
      [
        ['a.example', 'b.example'],
        ['10.0.0.0/8', '198.51.100.0/24'],
      ],
    )
    assert.deepEqual([healthCheck?.kind, healthCheck?.port, healthCheck?.intervalMs], ['http', undefined, 1_000])
  })
  test('the defaults of the class are for Services: an API server would not understand a PROXY header', () => {
    const [found] = desire([], { defaults: settings, fixed: [fixed()] }).table.frontends
    assert.deepEqual([found?.proxyProtocol, found?.balance, found?.healthCheck], ['off', 'round-robin', undefined])
  })
  test('UDP has no hosts', () => {
    const [found] = desire([], { fixed: [fixed({ protocol: 'UDP', settings })] }).table.frontends
    assert.deepEqual(found?.hosts, [])
  })
  test('source ranges that cannot be read let nobody in', () => {
    const { table, fixedProblems } = desire([], { fixed: [fixed({ sourceRanges: ['office'] })] })
    assert.deepEqual(table.frontends, [])
    assert.deepEqual(
      fixedProblems.map(({ code }) => code),
      ['NoTargets', 'AddressInvalid'],
    )
  })
})

/** A node of the control plane, as kubeadm marks it. */
const master = (name: string, address: string, wishes: NodeWishes = {}) =>
  node(name, [`InternalIP ${address}`], {
    ...wishes,
    labels: { [CONTROL_PLANE]: '', [EXCLUDE]: '', ...wishes.labels },
  })

describe('it leads to nodes', () => {
  const nodes = [master('m1', '10.0.0.1'), master('m2', '10.0.0.2'), node('worker', ['InternalIP 10.0.0.9'])]

  test('of its selector, those that Kubernetes excludes from load balancers too', () =>
    assert.deepEqual(lead({}, { nodes }), ['10.0.0.1:6443 10.0.0.2:6443']))
  test('an empty selector chooses all', () =>
    assert.deepEqual(lead({ targets: { kind: 'nodes', selector: '' } }, { nodes }), [
      '10.0.0.1:6443 10.0.0.2:6443 10.0.0.9:6443',
    ]))
  test('not the selector of the class, and as many as there are', () =>
    assert.deepEqual(lead({}, { nodes }, { nodeSelector: 'role=edge', maxTargets: 1 }), [
      '10.0.0.1:6443 10.0.0.2:6443',
    ]))
  test('readiness and draining are those of any node', () =>
    assert.deepEqual(
      lead(
        {},
        {
          nodes: [
            ...nodes,
            master('m3', '10.0.0.3', { ready: 'False' }),
            master('m4', '10.0.0.4', { unschedulable: true }),
          ],
        },
      ),
      ['10.0.0.1:6443 10.0.0.2:6443 10.0.0.4:6443(cordoned)'],
    ))
  test('none: told, and kept as it is until there is one', () => {
    const { nodeGroups } = desire([], { fixed: [fixed()] }, { nodes: [] })
    assert.deepEqual([...nodeGroups], ['fixed/kube-apiserver'])
    assert.deepEqual(lead({}, { nodes: [] }), [
      '',
      'Frontend "kube-apiserver" of the configuration has no usable node behind it',
    ])
  })
})

test('it leads to addresses as they are given, whatever may be no target elsewhere', () =>
  assert.deepEqual(
    lead(
      { targets: { kind: 'addresses', addresses: ['192.0.2.7', '192.0.2.10', 'FD00::1'] }, targetPort: 25 },
      {},
      { forbidden: () => true },
    ),
    ['192.0.2.10:25 192.0.2.7:25 fd00::1:25'],
  ))

describe('it leads to the endpoints of a Service', () => {
  const targets = { kind: 'service', namespace: 'default', name: 'kubernetes' } as const
  const to = (
    slices: readonly EndpointSliceObject[],
    wishes: Partial<FixedFrontend> = {},
    spec: Partial<ClassSpec> = {},
  ) => {
    const slicesOf: ClusterState['slicesOf'] = ({ namespace, name }) =>
      namespace === 'default' && name === 'kubernetes' ? slices : []
    return lead({ targets, ...wishes }, { slicesOf }, spec)
  }
  const https = { ports: [{ name: 'https', protocol: 'TCP' as const, port: 7_443 }] }

  test('at the port of its slices, without pods.cidrs', () =>
    assert.deepEqual(to([slice(KUBERNETES, [pod('10.0.0.1'), pod('10.0.0.2', { ready: false })], https)]), [
      '10.0.0.1:7443',
    ]))
  test('at its own target port where the slices name several, or none', () => {
    const two = { ports: [...https.ports, { name: 'other', protocol: 'TCP' as const, port: 1 }] }
    assert.deepEqual(to([slice(KUBERNETES, [pod('10.0.0.1')], two)]), ['10.0.0.1:6443'])
    assert.deepEqual(to([slice(KUBERNETES, [pod('10.0.0.1')])]), ['10.0.0.1:6443'])
  })
  test('a port of the other protocol is none of them', () => {
    const both = { ports: [...https.ports, { name: 'quic', protocol: 'UDP' as const, port: 1 }] }
    assert.deepEqual(to([slice(KUBERNETES, [pod('10.0.0.1')], both)]), ['10.0.0.1:7443'])
  })
  test('of the family of its first address, else of the other', () => {
    const slices = [
      slice(KUBERNETES, [pod('10.0.0.1')], https),
      slice(KUBERNETES, [pod('fd00::1')], { ...https, addressType: 'IPv6' }),
    ]
    assert.deepEqual(to(slices), ['10.0.0.1:7443'])
    assert.deepEqual(to(slices, { addresses: ['2001:db8::1'] }), ['fd00::1:7443'])
    assert.deepEqual(to(slices.slice(0, 1), { addresses: ['2001:db8::1'] }), ['10.0.0.1:7443'])
  })
  test('never to the proxy itself, or to an address of ours', () => {
    const slices = [slice(KUBERNETES, [pod('127.0.0.1'), pod('203.0.113.10'), pod('10.0.0.1')], https)]
    assert.deepEqual(to(slices, {}, { forbidden: (address) => address === '203.0.113.10' }), [
      '10.0.0.1:7443',
      'Frontend "kube-apiserver" of the configuration has endpoints that may not be targets: 127.0.0.1, 203.0.113.10',
    ])
  })
  test('none is told, and is no reason to keep what was', () => {
    assert.deepEqual(to([]), ['', 'Frontend "kube-apiserver" of the configuration has no ready endpoint behind it'])
    assert.equal(desire([], { fixed: [fixed({ targets })] }).nodeGroups.size, 0)
  })
})

test('a Service that asks for its socket is told who holds it, and gets another one', () => {
  const { table, problems } = desire([service('web', { ports: ['6443'], annotations: { address: '203.0.113.10' } })], {
    fixed: [fixed()],
  })
  assert.deepEqual(table.frontends.map(frontendKey).slice(0, 1), ['tcp/203.0.113.10:6443'])
  assert.equal(table.frontends[0]?.service, undefined)
  const [told] = problems.get('uid of default/web') ?? []
  assert.equal(told?.problem.code, 'PortTaken')
  assert.match(told.problem.message, /frontend "?kube-apiserver"?/)
})
