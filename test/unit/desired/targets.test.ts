import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ClassSpec, ClusterState } from '../../../src/desired/spec.ts'
import type { EndpointSliceObject, ServiceObject } from '../../../src/kube/objects.ts'
import {
  desire,
  endpoint,
  held,
  node,
  pod,
  rangeOf,
  type ServiceWishes,
  service,
  slice,
} from '../../support/builders.ts'

/** Where each port leads: `a:443: '10.0.0.1 10.0.0.2'`, ports of targets behind a colon; and the problems. */
function targets(services: readonly ServiceObject[], spec: Partial<ClassSpec> = {}, state: Partial<ClusterState> = {}) {
  const { table, problems, nodeGroups, held: kept } = desire(services, spec, state)
  const groups = new Map(table.groups.map((group) => [group.id, group.targets]))
  return {
    of: Object.fromEntries(
      table.frontends.map(({ service: of, port, group, targetPort }) => [
        `${of?.name}:${port}`,
        groups
          .get(group)
          ?.map((one) => (one.port === undefined ? one.address : `${one.address}:${one.port}`))
          .concat(group.startsWith('pods/') ? [`on ${targetPort}`] : [])
          .join(' '),
      ]),
    ),
    groups: groups.size,
    problems: [...problems.values()].flat().map(({ problem }) => problem.code),
    nodeGroups: [...nodeGroups],
    closed: [...kept.keys()],
  }
}

const messagesOf = (...args: Parameters<typeof desire>) =>
  [...desire(...args).problems.values()].flat().map(({ problem }) => problem.message)

/** The slices of Services by name. */
const slices =
  (byName: Readonly<Record<string, readonly EndpointSliceObject[]>>): ClusterState['slicesOf'] =>
  ({ name }) =>
    byName[name] ?? []

const LOCAL = { externalTrafficPolicy: 'Local' } as const

describe('nodes', () => {
  const nodes = [
    node('n1', ['InternalIP 10.0.0.1', 'ExternalIP 198.51.100.1'], { labels: { role: 'edge' } }),
    node('n2', ['InternalIP 10.0.0.2'], { labels: { role: 'edge', disk: 'ssd' } }),
    node('n3', ['InternalIP 10.0.0.3', 'InternalIP fd00::3']),
  ]
  const ALL = '10.0.0.2 10.0.0.3 198.51.100.1'

  test('Services that choose nodes alike share a group', () => {
    const services = [
      service('a'),
      service('b', { ports: ['80'] }),
      service('c', { ports: ['81'], annotations: { 'node-address-type': 'InternalIP' } }),
    ]
    const { of, groups, nodeGroups } = targets(services, {}, { nodes })
    assert.deepEqual(of, { 'a:443': ALL, 'b:80': ALL, 'c:81': '10.0.0.1 10.0.0.2 10.0.0.3' })
    assert.deepEqual([groups, nodeGroups.length], [2, 2])
  })

  test('the selector of the class and that of the Service both hold', () => {
    const services = [service('a', { annotations: { 'node-selector': 'disk=ssd' } }), service('b', { ports: ['80'] })]
    assert.deepEqual(targets(services, { nodeSelector: 'role=edge' }, { nodes }).of, {
      'a:443': '10.0.0.2',
      'b:80': '10.0.0.2 198.51.100.1',
    })
  })

  test('are of the families on which the Service listens, not of those of the frontend', () => {
    const six = service('a', { spec: { ipFamilies: ['IPv6'] }, annotations: { families: 'IPv4' } })
    assert.deepEqual(targets([six], {}, { nodes }).of, { 'a:443': 'fd00::3' })
    const both = service('a', { spec: { ipFamilies: ['IPv6', 'IPv4'] }, annotations: { families: 'IPv4' } })
    assert.deepEqual(targets([both], {}, { nodes }).of, { 'a:443': '10.0.0.2 198.51.100.1 fd00::3' })
  })

  test('never an address of ours', () =>
    assert.deepEqual(targets([service('a')], { forbidden: (address) => address === '198.51.100.1' }, { nodes }).of, {
      'a:443': '10.0.0.1 10.0.0.2 10.0.0.3',
    }))

  test('none: the frontend stays, its Service is told', () => {
    assert.deepEqual(targets([service('a')], {}, { nodes: [] }), {
      of: { 'a:443': '' },
      groups: 1,
      problems: ['NoTargets'],
      nodeGroups: ['nodes/ExternalIP,InternalIP/IPv4'],
      closed: [],
    })
  })
})

describe('externalTrafficPolicy Local', () => {
  const nodes = [node('n1', ['InternalIP 10.0.0.1']), node('n2', ['InternalIP 10.0.0.2'])]

  test('only nodes with endpoints, a group for each Service, which may be empty with good reason', () => {
    const [a, b] = [service('a', { spec: LOCAL }), service('b', { ports: ['80'], spec: LOCAL })]
    const slicesOf = slices({ a: [slice(a, [endpoint('n2', { ready: true }), endpoint('gone')])] })
    assert.deepEqual(targets([a, b, service('c', { ports: ['81'] })], {}, { nodes, slicesOf }), {
      of: { 'a:443': '10.0.0.2', 'b:80': '', 'c:81': '10.0.0.1 10.0.0.2' },
      groups: 3,
      problems: ['NoTargets'],
      nodeGroups: ['nodes/ExternalIP,InternalIP/IPv4'],
      closed: [],
    })
  })

  test('a node that is not ready is left out, though it has endpoints', () => {
    const a = service('a', { spec: LOCAL })
    const unready = [...nodes, node('n3', ['InternalIP 10.0.0.3'], { ready: 'False' })]
    const slicesOf = slices({ a: [slice(a, [endpoint('n1'), endpoint('n3')])] })
    assert.deepEqual(targets([a], {}, { nodes: unready, slicesOf }).of, { 'a:443': '10.0.0.1' })
  })

  test('publishNotReadyAddresses reaches the endpoints', () => {
    const a = service('a', { spec: { ...LOCAL, publishNotReadyAddresses: true } })
    const slicesOf = slices({ a: [slice(a, [endpoint('n1', { ready: false })])] })
    assert.deepEqual(targets([a], {}, { nodes, slicesOf }).of, { 'a:443': '10.0.0.1' })
  })
})

describe('nodes.maxTargets', () => {
  const nodes = Array.from({ length: 40 }, (_, index) => node(`n${index}`, [`InternalIP 10.0.0.${index + 1}`]))
  const many = Array.from({ length: 200 }, (_, index) => service(`s${index}`, { ports: [String(1_000 + index)] }))

  test('Services are spread over subsets of the nodes, which they share', () => {
    const { of, groups, nodeGroups } = targets(many, { maxTargets: 4 }, { nodes })
    assert.ok(Object.values(of).every((list) => list?.split(' ').length === 4))
    assert.ok(groups > 32 && groups <= 64, `${groups} groups`)
    assert.equal(nodeGroups.length, groups)
    assert.ok(new Set(Object.values(of).flatMap((list) => list?.split(' '))).size > 35)
  })

  test('where there are no more nodes than that, all have all', () => {
    const { of } = targets(many, { maxTargets: 40 }, { nodes })
    assert.equal(new Set(Object.values(of)).size, 1)
  })

  test('under Local each Service has its own', () => {
    const a = service('a', { spec: LOCAL })
    const slicesOf = slices({
      a: [
        slice(
          a,
          nodes.map(({ metadata }) => endpoint(metadata.name)),
        ),
      ],
    })
    assert.equal(targets([a], { maxTargets: 4 }, { nodes, slicesOf }).of['a:443']?.split(' ').length, 4)
  })
})

describe('pods', () => {
  const podRanges = [rangeOf('10.244.0.0/16')]
  const asks: ServiceWishes = { ports: ['http:80'], annotations: { targets: 'pods' } }
  const web = service('web', asks)
  const http = (port: number, ...addresses: readonly string[]) =>
    slice(
      web,
      addresses.map((address) => pod(address)),
      { ports: [{ name: 'http', protocol: 'TCP', port }] },
    )

  test('are reached at their own port, where the class allows their addresses', () => {
    const slicesOf = slices({ web: [http(8_080, '10.244.0.2', '10.244.0.1')] })
    assert.deepEqual(targets([web], { podRanges }, { slicesOf }), {
      of: { 'web:80': '10.244.0.1 10.244.0.2 on 8080' },
      groups: 1,
      problems: [],
      nodeGroups: [],
      closed: [],
    })
  })

  test('with ports that differ by pod', () => {
    const slicesOf = slices({ web: [http(8_080, '10.244.0.2'), http(9_090, '10.244.0.1')] })
    assert.deepEqual(targets([web], { podRanges }, { slicesOf }).of, {
      'web:80': '10.244.0.1:9090 10.244.0.2 on 8080',
    })
  })

  test('each port leads to its own', () => {
    const two = service('web', { ...asks, ports: ['http:80', 'https:443'] })
    const ports = [
      { name: 'http', protocol: 'TCP', port: 8_080 },
      { name: 'https', protocol: 'TCP', port: 8_443 },
    ] as const
    const slicesOf = slices({ web: [slice(two, [pod('10.244.0.1')], { ports })] })
    assert.deepEqual(targets([two], { podRanges }, { slicesOf }).of, {
      'web:80': '10.244.0.1 on 8080',
      'web:443': '10.244.0.1 on 8443',
    })
  })

  test('by a default of the class too', () => {
    const plain = service('web', { ports: ['http:80'] })
    const slicesOf = slices({ web: [http(8_080, '10.244.0.1')] })
    assert.deepEqual(targets([plain], { podRanges, defaults: { targets: 'pods' } }, { slicesOf }).of, {
      'web:80': '10.244.0.1 on 8080',
    })
  })

  test('where a port has no node port; others keep to the nodes', () => {
    const some = service('web', {
      ports: [{ name: 'http', protocol: 'TCP', port: 80 }, 'other:81'],
      spec: { allocateLoadBalancerNodePorts: false },
    })
    const slicesOf = slices({ web: [http(8_080, '10.244.0.1')] })
    assert.deepEqual(targets([some], { podRanges }, { slicesOf }).of, {
      'web:80': '10.244.0.1 on 8080',
      'web:81': '10.0.0.1 10.0.0.2',
    })
  })

  test('none ready: the port stays, on its own number, and is told', () => {
    assert.deepEqual(targets([web], { podRanges }).of, { 'web:80': 'on 80' })
    assert.deepEqual(messagesOf([web], { podRanges }), ['Service default/web has no ready endpoint for port 80/TCP'])
  })

  test('what lies outside the allowed ranges, or is ours, is refused by name; the rest is served', () => {
    const addresses = ['10.244.0.1', '10.9.0.1', '203.0.113.10', '127.0.0.1', '10.244.9.9', '10.9.0.2']
    const spec = {
      podRanges: [...podRanges, rangeOf('127.0.0.0/8')],
      forbidden: (address: string) => address === '10.244.9.9',
    }
    const state = { slicesOf: slices({ web: [http(8_080, ...addresses)] }) }
    assert.deepEqual(targets([web], spec, state).of, { 'web:80': '10.244.0.1 on 8080' })
    assert.deepEqual(messagesOf([web], spec, state), [
      'Service default/web has endpoints that may not be targets: 10.244.9.9, 10.9.0.1, 10.9.0.2 and others',
    ])
  })

  test('a class that allows no pod: the node ports are used, and that is told', () => {
    const { of, problems, closed } = targets([web])
    assert.deepEqual([of, problems, closed], [{ 'web:80': '10.0.0.1 10.0.0.2' }, ['Unsupported'], []])
  })

  test('a class that allows no pod: a port without a node port is closed, and told', () => {
    const bare = service('web', {
      ports: [{ protocol: 'TCP', port: 80 }],
      spec: { allocateLoadBalancerNodePorts: false },
    })
    const { of, problems } = targets([bare, service('other')])
    assert.deepEqual([of, problems], [{ 'other:443': '10.0.0.1 10.0.0.2' }, ['NodePortMissing']])
  })

  test('unless another annotation cannot be read: then what it has stays', () => {
    const broken = service('web', {
      ...asks,
      annotations: { targets: 'pods', balance: 'best' },
      record: held('80/TCP', '203.0.113.10'),
    })
    const { of, problems, closed } = targets([broken])
    assert.deepEqual(
      [of, problems, closed],
      [{ 'web:80': '10.0.0.1 10.0.0.2' }, ['AnnotationInvalid'], ['tcp/203.0.113.10:80']],
    )
  })

  test('of the family that the class allows, though the other is preferred', () => {
    const dual = service('web', {
      ...asks,
      spec: { ipFamilies: ['IPv6', 'IPv4'] },
      annotations: { targets: 'pods', families: 'IPv4' },
    })
    const six = { ...http(8_080, 'fd00::1'), addressType: 'IPv6' as const }
    const slicesOf = slices({ web: [six, http(8_080, '10.244.0.1')] })
    const { of, problems } = targets([dual], { podRanges }, { slicesOf })
    assert.deepEqual([of, problems], [{ 'web:80': '10.244.0.1 on 8080' }, []])
    const allowed = { podRanges: [...podRanges, rangeOf('fd00::/64')] }
    assert.deepEqual(targets([dual], allowed, { slicesOf }).of, { 'web:80': 'fd00::1 on 8080' })
  })
})
