import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ClassRules, ClassSpec, FixedFrontend } from '../../../src/desired/spec.ts'
import { demand, given, told } from '../../support/allocations.ts'
import { classSpec, createdAt, held, pool, type ServiceWishes, service } from '../../support/builders.ts'

const POOLS = [pool('main', ['203.0.113.10-203.0.113.11'])]
const made = (name: string, second: number, wishes: ServiceWishes = {}) =>
  service(name, { ...wishes, meta: createdAt(second) })
const ruled = (rules: Partial<ClassRules>, pools = POOLS): Partial<ClassSpec> => ({
  pools,
  rules: { ...classSpec().rules, ...rules },
})

describe('ports that are not given', () => {
  const denying = (port: number) => ruled({ deniedPorts: new Set([port]) })
  const reserving = ruled({ reservedPorts: new Map([[443, ['ingress', 'team-a']]]) })

  test('those that the class denies, by name', () => {
    const { ports, problems } = demand(service('web', { ports: ['22', '443'] }), denying(22))
    assert.deepEqual([ports.map(({ text }) => text), problems.map(({ port }) => port)], [['443/TCP'], ['22/TCP']])
    assert.equal(problems[0]?.problem.message, 'Service default/web asks for port 22/TCP, which its class never gives')
  })

  test('denied is the port of the frontend, not of the Service', () => {
    const web = service('web', { type: 'NodePort', ports: ['ssh:2222'], annotations: { ports: 'ssh=22' } })
    assert.deepEqual(
      demand(web, denying(22)).problems.map(({ problem }) => problem.code),
      ['PortDenied'],
    )
    assert.deepEqual(
      demand(web, denying(2_222)).ports.map(({ text }) => text),
      ['22/TCP'],
    )
  })

  test('those that the class keeps for other namespaces; the others are given', () => {
    const services = [
      made('ingress/nginx', 2),
      made('other', 1, { ports: ['443', '80'] }),
      made('udp', 3, { ports: ['443/UDP'] }),
    ]
    assert.deepEqual(given(services, reserving), {
      other: '203.0.113.10 [80/TCP] PortReserved',
      udp: 'nothing PortReserved',
      'ingress/nginx': '203.0.113.10 [443/TCP]',
    })
    assert.deepEqual(told('other', services, reserving), [
      'Service default/other asks for port 443/TCP, which its class keeps for namespaces ingress, team-a. Choose another port, or have the namespace added to ports.reserve of the class',
    ])
  })

  test('a port that is denied or kept for others later is taken back, from who cannot be read too', () => {
    const record = held('443/TCP 80/TCP', '203.0.113.10')
    const web = made('web', 1, { ports: ['443', '80'], record })
    const broken = made('web', 1, { ports: ['443', '80'], record, annotations: { balance: 'fastest' } })
    for (const one of [web, broken]) {
      for (const spec of [denying(443), reserving])
        assert.match(given([one], spec)['web'] ?? '', /^203\.0\.113\.10 \[80\/TCP\] Port(Denied|Reserved)$/)
    }
  })

  test('SCTP, and ports without a node port', () => {
    const { ports, problems } = demand(service('web', { ports: ['7/SCTP', { protocol: 'TCP', port: 443 }] }))
    assert.deepEqual(
      [ports, problems.map(({ problem, port }) => `${problem.code} ${problem.kind} ${port}`)],
      [[], ['ProtocolUnsupported unsupported 7/SCTP', 'NodePortMissing terminal 443/TCP']],
    )
    assert.match(problems[1]?.problem.remedy ?? '', /pods\.cidrs/)
  })

  test('a port without a node port is given where pods can be the targets', () => {
    const web = service('web', { ports: [{ protocol: 'TCP', port: 443 }, '80'] })
    const nodePorts = (one: typeof web, spec: Partial<ClassSpec>) =>
      demand(one, spec).ports.map(({ nodePort }) => nodePort)
    assert.deepEqual(nodePorts(web, {}), [30_080])
    const pods = { family: 'IPv4', first: 0n, last: 1n, text: 'pods' } as const
    assert.deepEqual(nodePorts(web, { podRanges: [pods] }), [undefined, 30_080])
    const asking = { ...web, metadata: { ...web.metadata, annotations: { 'fairway.dev/targets': 'pods' } } }
    assert.deepEqual(nodePorts(asking, {}), [undefined, 30_080])
  })

  test('those that the annotation ports leaves out', () => {
    const web = service('web', {
      type: 'NodePort',
      ports: ['https:8443', 'admin:9000'],
      annotations: { ports: 'https=443' },
    })
    assert.deepEqual(
      demand(web).ports.map(({ text, nodePort }) => [text, nodePort]),
      [['443/TCP', 30_000 + (8_443 % 2_768)]],
    )
  })
})

const fixed = (name: string, wishes: Partial<FixedFrontend> = {}): FixedFrontend => ({
  name,
  addresses: ['203.0.113.10'],
  port: 443,
  protocol: 'TCP',
  targetPort: 6_443,
  targets: { kind: 'nodes', selector: '' },
  sourceRanges: [],
  settings: {},
  ...wishes,
})

describe('a frontend of the configuration is served first', () => {
  const API = { pools: POOLS, fixed: [fixed('kube-apiserver')] }

  test('a Service gets its port on another address, or is told who holds it', () => {
    const wants = made('wants', 2, { annotations: { address: '203.0.113.10' } })
    assert.deepEqual(given([made('any', 1), wants], API), { any: '203.0.113.11 [443/TCP]', wants: 'nothing PortTaken' })
    assert.deepEqual(told('wants', [wants], API), [
      "Service default/wants asks for port 443/TCP on 203.0.113.10, which the configuration's frontend kube-apiserver holds. Choose another port or another address",
    ])
  })

  test('before what is recorded', () => {
    const web = made('web', 1, { ports: ['443', '80'], record: held('443/TCP 80/TCP', '203.0.113.10') })
    assert.deepEqual(given([web], API), { web: '203.0.113.10 [80/TCP] PortTaken' })
  })

  test('other ports of its address, and the other protocol, are free', () => {
    const services = [made('a', 1, { ports: ['80'] }), made('b', 2, { ports: ['443/UDP'] })]
    assert.deepEqual(given(services, API), { a: '203.0.113.10 [80/TCP]', b: '203.0.113.10 [443/UDP]' })
  })

  test('it is nobody that a namespace could object to, but who wants an address alone goes elsewhere', () => {
    const services = ['namespace', 'dedicated'].map((sharing, at) =>
      made(sharing, at, { ports: ['80'], annotations: { sharing } }),
    )
    assert.deepEqual(given(services, API), { namespace: '203.0.113.10 [80/TCP]', dedicated: '203.0.113.11 [80/TCP]' })
    const alone = made('alone', 1, { ports: ['80'], annotations: { sharing: 'dedicated', address: '203.0.113.10' } })
    assert.match(
      told('alone', [alone], API)[0] ?? '',
      /the configuration's frontend kube-apiserver does not share with it/,
    )
  })

  test('by its hosts it shares a socket as Services do', () => {
    const spec = {
      pools: [pool('main', ['203.0.113.10'])],
      fixed: [fixed('api', { settings: { hosts: 'api.example' } })],
    }
    const services = [
      made('rest', 1),
      made('a', 2, { annotations: { hosts: 'a.example' } }),
      made('all', 3, { annotations: { hosts: '*.example' } }),
    ]
    assert.deepEqual(given(services, spec), {
      rest: '203.0.113.10 [443/TCP]',
      a: '203.0.113.10 [443/TCP=a.example]',
      all: 'nothing PoolExhausted',
    })
  })
})
