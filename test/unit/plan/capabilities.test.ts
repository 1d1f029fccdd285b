import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Capabilities } from '../../../src/model/driver.ts'
import { type Frontend, makeTable } from '../../../src/model/table.ts'
import { checkCapabilities } from '../../../src/plan/capabilities.ts'
import { frontend } from '../../support/builders.ts'

const LITTLE: Capabilities = {
  protocols: ['TCP'],
  proxyProtocol: { TCP: ['v1'], UDP: [] },
  balance: ['round-robin', 'random'],
  healthCheck: ['off', 'tcp'],
  sourceRanges: false,
  hosts: false,
  maxConnections: false,
  idleTimeout: [],
}
const UDP_TOO: Capabilities = { ...LITTLE, protocols: ['TCP', 'UDP'], idleTimeout: ['UDP'] }
const WEB = { namespace: 'team-a', name: 'web', uid: 'x' }

const told = (wishes: Partial<Frontend>, can = LITTLE) =>
  checkCapabilities(makeTable([frontend({ service: WEB, ...wishes })], []), 'edge-1', can).map(({ problem }) => [
    problem.message,
    problem.remedy,
  ])

const lacks = (what: string, remedy: string, port = '443/TCP') => [
  [`Service team-a/web asks for ${what} on port ${port}, which proxy edge-1 cannot do`, remedy],
]

describe('what a proxy cannot do is refused by name, with a remedy', () => {
  const table: readonly (readonly [Partial<Frontend>, ReturnType<typeof lacks>])[] = [
    [{ protocol: 'UDP' }, lacks('protocol UDP', 'Use TCP', '443/UDP')],
    [{ proxyProtocol: 'v2' }, lacks('PROXY protocol v2', 'Set fairway.dev/proxy-protocol to v1 or off')],
    [{ balance: 'source' }, lacks('balance source', 'Set fairway.dev/balance to round-robin or random')],
    [{ healthCheck: 'http' }, lacks('health-check http', 'Set fairway.dev/health-check to off or tcp')],
    [
      { sourceRanges: ['10.0.0.0/8'] },
      lacks('loadBalancerSourceRanges', 'Remove spec.loadBalancerSourceRanges, or use a class whose proxies filter'),
    ],
    [{ hosts: ['a.example'] }, lacks('hosts (SNI)', 'Remove the annotation fairway.dev/hosts')],
    [{ maxConnections: 1 }, lacks('max-connections', 'Remove the annotation fairway.dev/max-connections')],
    [
      { idleTimeoutMs: 1 },
      lacks('an idle timeout for TCP', 'Remove fairway.dev/idle-timeout, or name the ports it can be set for'),
    ],
  ]
  for (const [wishes, expected] of table) {
    test(JSON.stringify(wishes), () => assert.deepEqual(told(wishes), expected))
  }

  test('by protocol', () => {
    assert.deepEqual(told({ protocol: 'UDP', idleTimeoutMs: 1 }, UDP_TOO), [])
    assert.deepEqual(
      told({ protocol: 'UDP', proxyProtocol: 'v1' }, UDP_TOO),
      lacks('PROXY protocol v1', 'Set fairway.dev/proxy-protocol to off', '443/UDP'),
    )
  })

  test('what it can do is not refused', () => {
    assert.deepEqual(told({}), [])
    assert.deepEqual(told({ proxyProtocol: 'v1', balance: 'random', healthCheck: 'tcp' }), [])
  })

  test('a frontend of the configuration is named as such', () =>
    assert.match(told({ service: undefined, hosts: ['a'] })[0]?.[0] ?? '', /^The configuration asks for hosts/))

  test('the rest of the table is served', () => {
    const mixed = makeTable(
      [frontend({ port: 1, balance: 'source' }), frontend({ port: 2 }), frontend({ port: 3, hosts: ['a'] })],
      [],
    )
    assert.deepEqual(
      checkCapabilities(mixed, 'edge-1', LITTLE).map(({ key, problem }) => `${key} ${problem.code} ${problem.kind}`),
      ['tcp/203.0.113.10:1 Unsupported unsupported', 'tcp/203.0.113.10:3 Unsupported unsupported'],
    )
  })
})
