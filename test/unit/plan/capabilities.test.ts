import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CHECK_DEFAULTS } from '../../../src/model/checks.ts'
import { type Abilities, ALL_ABILITIES, type Capabilities } from '../../../src/model/driver.ts'
import { type Frontend, type HealthCheck, makeTable, type Target } from '../../../src/model/table.ts'
import { fitTable } from '../../../src/plan/capabilities.ts'
import { ALL_CAPABILITIES, frontend } from '../../support/builders.ts'

const FEW: Abilities = {
  proxyProtocol: ['off', 'v1'],
  balance: ['round-robin', 'random'],
  healthCheck: ['tcp'],
  checkPort: false,
  checkThresholds: false,
  affinityTimeout: false,
  drain: false,
  sourceRanges: false,
  hosts: false,
  maxConnections: false,
  idleTimeout: false,
}
const LITTLE = tcpOnly({})
const UDP_TOO: Capabilities = { TCP: FEW, UDP: { ...FEW, proxyProtocol: [], healthCheck: [], idleTimeout: true } }
const WEB = { namespace: 'team-a', name: 'web', uid: 'x' }
const TCP: HealthCheck = { kind: 'tcp', port: undefined, ...CHECK_DEFAULTS, derived: false }
/** What `externalTrafficPolicy: Cluster` gives by itself. */
const NODE_HEALTH: HealthCheck = { kind: 'http', port: 10_256, ...CHECK_DEFAULTS, derived: true }

function tcpOnly(more: Partial<Abilities>): Capabilities {
  return { TCP: { ...FEW, ...more }, UDP: undefined }
}

function fit(wishes: Partial<Frontend>, can = LITTLE, targets: readonly Target[] = []) {
  const table = makeTable([frontend({ service: WEB, ...wishes })], [{ id: 'nodes', targets }])
  return fitTable(table, 'edge-1', can)
}

const told = (wishes: Partial<Frontend>, can = LITTLE) =>
  fit(wishes, can).refusals.map(({ problem }) => [problem.message, problem.remedy])

const lacks = (what: string, remedy: string, port = '443/TCP') => [
  [`Service team-a/web asks for ${what} on port ${port}, which proxy edge-1 cannot do`, remedy],
]

describe('what is asked and a proxy cannot do is refused by name, with a remedy', () => {
  const table: readonly (readonly [string, Partial<Frontend>, ReturnType<typeof lacks>, Capabilities?])[] = [
    ['a protocol', { protocol: 'UDP' }, lacks('protocol UDP', 'Use TCP', '443/UDP')],
    [
      'a PROXY version',
      { proxyProtocol: 'v2' },
      lacks('PROXY protocol v2', 'Set fairway.dev/proxy-protocol to off or v1'),
    ],
    [
      'a PROXY version for UDP',
      { protocol: 'UDP', proxyProtocol: 'v1' },
      lacks('PROXY protocol v1', 'Set fairway.dev/proxy-protocol to off', '443/UDP'),
      UDP_TOO,
    ],
    ['a balance', { balance: 'source' }, lacks('balance source', 'Set fairway.dev/balance to round-robin or random')],
    [
      'session affinity',
      { balance: 'source', affinityMs: 10_800_000 },
      lacks('balance source (sessionAffinity ClientIP)', 'Set fairway.dev/balance to round-robin or random'),
    ],
    [
      'a kind of check',
      { healthCheck: { ...TCP, kind: 'http' } },
      lacks('health-check http', 'Set fairway.dev/health-check to tcp or off'),
    ],
    [
      'a check on another port',
      { healthCheck: { ...NODE_HEALTH, derived: false } },
      lacks('health-check http on another port (10256)', 'Set fairway.dev/health-check to tcp or off'),
      tcpOnly({ healthCheck: ['tcp', 'http'] }),
    ],
    [
      'how often a check must fail',
      { healthCheck: { ...TCP, fall: 5 } },
      lacks(
        'health-check-rise or health-check-fall',
        'Remove fairway.dev/health-check-rise and fairway.dev/health-check-fall',
      ),
    ],
    [
      'a check of UDP',
      { protocol: 'UDP', healthCheck: TCP },
      lacks('health-check tcp', 'Set fairway.dev/health-check to off for the UDP ports', '443/UDP'),
      UDP_TOO,
    ],
    [
      'a check of UDP by TCP',
      { protocol: 'UDP', healthCheck: TCP },
      lacks('health-check tcp', 'Set fairway.dev/health-check to http or off for the UDP ports', '443/UDP'),
      ALL_CAPABILITIES,
    ],
    [
      'source ranges',
      { sourceRanges: ['10.0.0.0/8'] },
      lacks('source ranges', 'Remove them, or use a class whose proxies filter clients'),
    ],
    ['hosts', { hosts: ['a.example'] }, lacks('hosts (SNI)', 'Remove fairway.dev/hosts')],
    ['a limit of connections', { maxConnections: 1 }, lacks('max-connections', 'Remove fairway.dev/max-connections')],
    [
      'an idle timeout',
      { idleTimeoutMs: 1 },
      lacks('an idle timeout for TCP', 'Remove fairway.dev/idle-timeout, or name the ports it can be set for'),
    ],
  ]
  for (const [what, wishes, expected, can] of table) {
    test(what, () => {
      assert.deepEqual(told(wishes, can), expected)
      assert.deepEqual(fit(wishes, can).table, { frontends: [], groups: [] })
    })
  }

  test('what it can do is not refused', () => {
    assert.deepEqual(told({}), [])
    assert.deepEqual(told({ proxyProtocol: 'v1', balance: 'random', healthCheck: TCP }), [])
    assert.deepEqual(told({ protocol: 'UDP', idleTimeoutMs: 1 }, UDP_TOO), [])
    // The pace of a check can be set wherever there is one.
    assert.deepEqual(told({ healthCheck: { ...TCP, intervalMs: 1_000, timeoutMs: 500 } }), [])
  })

  test('a frontend of the configuration is named as such, and so are its settings', () => {
    const [message, remedy] = told({ service: undefined, balance: 'source' })[0] ?? []
    assert.match(message ?? '', /^The configuration asks for balance source/)
    assert.equal(remedy, 'Set settings.balance to round-robin or random')
  })

  test('the rest of the table is served, with the groups that it uses', () => {
    const groups = ['a', 'b'].map((id) => ({ id, targets: [] }))
    const mixed = makeTable(
      [
        frontend({ port: 1, balance: 'source', group: 'a' }),
        frontend({ port: 2, group: 'b' }),
        frontend({ port: 3, hosts: ['a'], group: 'b' }),
      ],
      groups,
    )
    const { table: fitted, refusals } = fitTable(mixed, 'edge-1', LITTLE)
    assert.deepEqual(
      refusals.map(({ key, problem }) => `${key} ${problem.code} ${problem.kind}`),
      ['tcp/203.0.113.10:1 Unsupported unsupported', 'tcp/203.0.113.10:3#a Unsupported unsupported'],
    )
    assert.deepEqual(
      fitted.frontends.map(({ port }) => port),
      [2],
    )
    assert.equal(fitted.groups[0], mixed.groups[1])
    assert.equal(fitted.groups.length, 1)
  })

  test('of several on one socket, the one without hosts is served', () => {
    const shared = makeTable([frontend({ hosts: ['a.example'] }), frontend(), frontend({ hosts: ['b.example'] })], [])
    const { table: fitted, refusals } = fitTable(shared, 'edge-1', LITTLE)
    assert.deepEqual(
      fitted.frontends.map(({ hosts }) => hosts),
      [[]],
    )
    assert.deepEqual(
      refusals.map(({ key }) => key),
      ['tcp/203.0.113.10:443#a.example', 'tcp/203.0.113.10:443#b.example'],
    )
  })
})

function checkAfter(check: HealthCheck, can: Capabilities, wishes: Partial<Frontend> = {}) {
  return fit({ healthCheck: check, ...wishes }, can).table.frontends[0]?.healthCheck
}

describe('what nobody asked for gives way', () => {
  test('a derived check that the proxy cannot do', () => {
    assert.equal(checkAfter(NODE_HEALTH, LITTLE), undefined)
    assert.equal(checkAfter(NODE_HEALTH, tcpOnly({ healthCheck: ['http'] })), undefined, 'not on another port')
    assert.deepEqual(checkAfter(NODE_HEALTH, tcpOnly({ healthCheck: ['http'], checkPort: true })), NODE_HEALTH)
  })

  test('a derived check of UDP', () => {
    const udp = { protocol: 'UDP' } as const
    assert.equal(checkAfter(NODE_HEALTH, UDP_TOO, udp), undefined)
    assert.equal(checkAfter(NODE_HEALTH, ALL_CAPABILITIES, udp), NODE_HEALTH, 'by http, on a port of TCP')
  })

  test('the time of an affinity, not the affinity', () => {
    const [after] = fit({ balance: 'source', affinityMs: 1 }, tcpOnly({ balance: ['source'] })).table.frontends
    assert.deepEqual([after?.balance, after?.affinityMs], ['source', undefined])
    const [kept] = fit({ balance: 'source', affinityMs: 1 }, ALL_CAPABILITIES).table.frontends
    assert.equal(kept?.affinityMs, 1)
  })
})

function marks(targets: readonly Target[], ...drains: readonly [tcp: boolean, udp: boolean]) {
  const [tcp, udp] = drains.map((drain) => ({ ...ALL_ABILITIES, drain }))
  return fit({}, { TCP: tcp, UDP: udp }, targets).table.groups[0]?.targets.map(
    ({ name, draining }) => `${name}${draining === undefined ? '' : ` ${draining}`}`,
  )
}

describe('targets that drain', () => {
  const here: Target = { name: 'n1', address: '10.0.0.1' }
  const cordoned: Target = { name: 'n2', address: '10.0.0.2', draining: 'cordoned' }
  const leaving: Target = { name: 'n3', address: '10.0.0.3', draining: 'leaving' }
  const table: readonly (readonly [string, readonly Target[], readonly string[], readonly string[]])[] = [
    ['none does', [here], ['n1'], ['n1']],
    ['one is cordoned', [here, cordoned], ['n1', 'n2 cordoned'], ['n1', 'n2']],
    ['one is leaving', [here, leaving], ['n1', 'n3 leaving'], ['n1']],
    ['both', [here, cordoned, leaving], ['n1', 'n2 cordoned', 'n3 leaving'], ['n1', 'n2']],
    ['all are leaving', [leaving], ['n3'], ['n3']],
    ['all drain in one way or the other', [cordoned, leaving], ['n2', 'n3'], ['n2']],
    ['there is none', [], [], []],
  ]
  for (const [what, targets, where, elsewhere] of table) {
    test(what, () => {
      assert.deepEqual(marks(targets, true, true), where, 'where the proxy can drain')
      assert.deepEqual(marks(targets, true, false), where, 'where it can for one protocol')
      assert.deepEqual(marks(targets, false, false), elsewhere, 'where it cannot')
    })
  }
})

test('a table to which nothing applies comes back as it is, and so does each part of one', () => {
  const targets: readonly Target[] = [{ name: 'n1', address: '10.0.0.1' }]
  const groups = [
    { id: 'a', targets },
    { id: 'b', targets: [...targets, { name: 'n2', address: '10.0.0.2', draining: 'leaving' as const }] },
  ]
  const plain = makeTable([frontend({ group: 'a' })], groups)
  assert.equal(fitTable(plain, 'edge-1', LITTLE).table, plain)
  const mixed = makeTable(
    [frontend({ group: 'a' }), frontend({ port: 80, group: 'b', healthCheck: NODE_HEALTH })],
    groups,
  )
  const { table: fitted } = fitTable(mixed, 'edge-1', LITTLE)
  assert.equal(fitted.frontends[0], mixed.frontends[0])
  assert.equal(fitted.groups[0], mixed.groups[0])
  assert.notEqual(fitted.frontends[1], mixed.frontends[1])
  assert.notEqual(fitted.groups[1], mixed.groups[1])
})
