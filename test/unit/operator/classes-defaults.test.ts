import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseConfig } from '../../../src/config/load.ts'
import type { Abilities, Capabilities } from '../../../src/model/driver.ts'
import { FairwayError } from '../../../src/model/problems.ts'
import { startClasses } from '../../../src/operator/classes.ts'
import { createMemoryProxy } from '../../support/memory-driver.ts'

/** A proxy that can do little, and only some of it for UDP. */
const TCP: Abilities = {
  proxyProtocol: ['off', 'v1'],
  balance: ['round-robin', 'source'],
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
const LITTLE: Capabilities = { TCP, UDP: { ...TCP, proxyProtocol: ['off', 'v2'], healthCheck: [], idleTimeout: true } }

/** Starts a class with some defaults on a proxy; returns what is said about them. */
function start(defaults: Readonly<Record<string, string>>, capabilities: Capabilities | undefined): string | undefined {
  const config = parseConfig(
    JSON.stringify({
      cluster: 'prod-a',
      classes: [
        {
          name: 'public',
          defaults,
          pools: [{ name: 'main', addresses: ['203.0.113.10'] }],
          proxies: [{ name: 'edge-1', caddy: { url: 'https://10.1.0.100:2021' } }],
        },
      ],
    }),
    'fairway.yaml',
  )
  try {
    startClasses(config, 'uid-1', () => ({ ...createMemoryProxy().driver, capabilities }))
    return undefined
  } catch (error) {
    assert.ok(error instanceof FairwayError)
    assert.deepEqual([error.problem.code, error.problem.remedy], ['ConfigInvalid', 'Remove the default, or the proxy'])
    return error.problem.message
  }
}

describe('a default that a proxy can do for no port is a mistake', () => {
  const LACKING: readonly (readonly [defaults: Readonly<Record<string, string>>, said: string])[] = [
    [{ balance: 'random' }, 'defaults.balance: proxy "edge-1" cannot do balance random'],
    [{ 'max-connections': '5' }, 'defaults.max-connections: proxy "edge-1" cannot do max-connections'],
    [{ hosts: 'a.example' }, 'defaults.hosts: proxy "edge-1" cannot do hosts (SNI)'],
    [{ 'health-check': 'http' }, 'defaults.health-check: proxy "edge-1" cannot do health-check http'],
    [
      { 'health-check': 'tcp', 'health-check-fall': '9' },
      'defaults.health-check-fall: proxy "edge-1" cannot do health-check-rise or health-check-fall',
    ],
    // For UDP it can, and no default of proxy-protocol is for UDP.
    [{ 'proxy-protocol': 'v2' }, 'defaults.proxy-protocol: proxy "edge-1" cannot do PROXY protocol v2'],
  ]
  for (const [defaults, said] of LACKING) {
    test(JSON.stringify(defaults), () => assert.equal(start(defaults, LITTLE), `class "public": ${said}`))
  }
})

describe('a default that a proxy can do for some ports is none', () => {
  const FINE: readonly (readonly [why: string, defaults: Readonly<Record<string, string>>])[] = [
    ['idle-timeout, for UDP only', { 'idle-timeout': '30s' }],
    ['proxy-protocol, for TCP', { 'proxy-protocol': 'v1' }],
    ['a check, for TCP only', { 'health-check': 'tcp', 'health-check-interval': '10s' }],
    ['a pace of checks that nobody asks for', { 'health-check-fall': '9' }],
    ['no check at all', { 'health-check': 'off' }],
    ['what proxies have no part in', { sharing: 'namespace', families: 'IPv6' }],
  ]
  for (const [why, defaults] of FINE) test(why, () => assert.equal(start(defaults, LITTLE), undefined))
})

test('a proxy that tells later what it can do is asked later', () =>
  assert.equal(start({ balance: 'random' }, undefined), undefined))
