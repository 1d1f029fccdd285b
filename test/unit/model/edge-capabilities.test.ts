import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type Abilities, ALL_ABILITIES, type Capabilities } from '../../../src/model/driver.ts'
import { capabilitiesSchema, sayCapabilities } from '../../../src/model/edge-capabilities.ts'
import { ALL_CAPABILITIES } from '../../support/builders.ts'

/** Of before there were pairs. */
const OLD = {
  protocols: ['TCP', 'UDP'],
  proxyProtocol: { TCP: ['off', 'v1', 'v2'], UDP: ['off', 'v2'] },
  balance: ['round-robin', 'source'],
  healthCheck: ['tcp'],
  checkPort: false,
  checkThresholds: true,
  affinityTimeout: false,
  drain: true,
  sourceRanges: true,
  hosts: true,
  maxConnections: false,
  idleTimeout: ['UDP'],
}
const UDP: Abilities = {
  proxyProtocol: ['off', 'v2'],
  balance: ['round-robin', 'source'],
  healthCheck: [],
  checkPort: false,
  checkThresholds: true,
  affinityTimeout: false,
  drain: true,
  sourceRanges: true,
  hosts: false,
  maxConnections: false,
  idleTimeout: true,
}
const TCP: Abilities = {
  ...UDP,
  proxyProtocol: ['off', 'v1', 'v2'],
  healthCheck: ['tcp'],
  hosts: true,
  idleTimeout: false,
}

test('what an older edge says is understood', () => {
  assert.deepEqual(capabilitiesSchema.parse(OLD), { TCP, UDP })
  assert.deepEqual(capabilitiesSchema.parse({ ...OLD, protocols: ['TCP'] }), { TCP, UDP: undefined })
})

test('an older operator reads what it knows, and is promised nothing that one of the protocols lacks', () => {
  const { byProtocol, ...old } = sayCapabilities({ TCP, UDP })
  assert.deepEqual(old, OLD)
  assert.deepEqual(byProtocol, { TCP, UDP })
  const { balance, sourceRanges, maxConnections, healthCheck, drain } = sayCapabilities({ TCP: ALL_ABILITIES, UDP })
  assert.deepEqual([balance, sourceRanges, maxConnections], [['round-robin', 'source'], true, false])
  assert.deepEqual([healthCheck, drain], [['tcp', 'http'], true])
})

test('an operator reads what an edge says', () => {
  const some = fc.constantFrom(undefined, TCP, UDP, ALL_ABILITIES, ALL_CAPABILITIES.UDP)
  fc.assert(
    fc.property(fc.record<Capabilities>({ TCP: some, UDP: some }, { noNullPrototype: true }), (able) => {
      const heard: unknown = JSON.parse(JSON.stringify(sayCapabilities(able)))
      assert.deepEqual(capabilitiesSchema.parse(heard), able)
    }),
  )
})
