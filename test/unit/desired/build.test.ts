import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ClassSpec } from '../../../src/desired/spec.ts'
import { type Frontend, frontendKey } from '../../../src/model/table.ts'
import { desire, pool, type ServiceWishes, service } from '../../support/builders.ts'

/** The frontends of one Service by port. */
function frontendsOf(wishes: ServiceWishes, spec: Partial<ClassSpec> = {}): readonly Frontend[] {
  return desire([service('web', wishes)], spec).table.frontends
}

function only(wishes: ServiceWishes, spec: Partial<ClassSpec> = {}): Frontend {
  const [first, ...rest] = frontendsOf(wishes, spec)
  assert.ok(first !== undefined && rest.length === 0, 'not exactly one frontend')
  return first
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
      healthCheck: {
        kind: 'http',
        port: 10_256,
        intervalMs: 5_000,
        timeoutMs: 2_000,
        rise: 2,
        fall: 3,
        derived: true,
      },
      affinityMs: undefined,
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
      [proxyProtocol, balance, healthCheck?.kind, idleTimeoutMs, maxConnections],
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

  test('hosts by port, sorted, and in the key that tells frontends on one socket apart', () => {
    const wishes = {
      ports: ['https:443', 'alt:8443', '443/UDP'],
      annotations: { hosts: 'https=b.example,https=a.example,c.example' },
    }
    assert.deepEqual(frontendsOf(wishes).map(frontendKey), [
      'tcp/203.0.113.10:443#a.example,b.example',
      'tcp/203.0.113.10:8443#c.example',
      'udp/203.0.113.10:443',
    ])
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
  const short = { ...spec, sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } }
  const table: readonly (readonly [
    why: string,
    wishes: ServiceWishes,
    defaults: Readonly<Record<string, string>>,
    balance: string,
    affinityMs?: number,
  ])[] = [
    ['balances by source, for three hours', { spec }, {}, 'source', 10_800_000],
    ['for as long as the Service says', { spec: short }, {}, 'source', 60_000],
    ['on UDP too', { spec, ports: ['53/UDP'] }, {}, 'source', 10_800_000],
    ['wins over the default of the class', { spec }, { balance: 'random' }, 'source', 10_800_000],
    ['loses against the own annotation', { spec, annotations: { balance: 'random' } }, {}, 'random'],
    ['loses against it for that port', { spec, annotations: { balance: '443=random' } }, {}, 'random'],
    ['the annotation alone knows no time', { annotations: { balance: 'source' } }, {}, 'source'],
    ['None asks for nothing', { spec: { sessionAffinity: 'None' } }, { balance: 'random' }, 'random'],
  ]
  for (const [why, wishes, defaults, ...expected] of table) {
    test(why, () => {
      const { balance, affinityMs } = only(wishes, { defaults })
      assert.deepEqual([balance, affinityMs], [expected[0], expected[1]])
    })
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
