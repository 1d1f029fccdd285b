import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createSettings } from '../../../src/desired/annotations.ts'
import { createStyles, readStyle } from '../../../src/desired/style.ts'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import { runs, service } from '../../support/builders.ts'

const services = fc
  .record({
    annotations: fc.constantFrom<Readonly<Record<string, string>>>(
      {},
      {},
      {},
      { balance: 'random' },
      { 'health-check': '443=tcp', 'idle-timeout': '53=5m' },
    ),
    ports: fc.constantFrom(['443'], ['443', '53/UDP'], ['53/UDP', '443', '80']),
    spec: fc.constantFrom<Partial<ServiceObject['spec']>>(
      {},
      {},
      { externalTrafficPolicy: 'Local' },
      { externalTrafficPolicy: 'Local', healthCheckNodePort: 31_000 },
      { sessionAffinity: 'ClientIP' },
      { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } },
    ),
  })
  .map((wishes) => service('web', wishes))
const defaults = fc.constantFrom({}, { 'proxy-protocol': 'v2', 'health-check': 'tcp', balance: 'random' })
const grounds = fc.constantFrom('nodes' as const, 'pods' as const)

test('each port has its own style, whatever was styled before it', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(services, grounds), { maxLength: 8 }), defaults, (all, standing) => {
      const settingsOf = createSettings(standing)
      const styleOf = createStyles()
      for (const [of, on] of all) {
        const settings = settingsOf(of)
        for (const port of of.spec.ports)
          assert.deepEqual(styleOf(of, port, settings, on), readStyle(of, port, settings, on))
      }
    }),
    runs(300),
  )
})

test('ports that nothing tells apart share one', () => {
  const settingsOf = createSettings({})
  const styleOf = createStyles()
  const [one, other] = [service('one'), service('other')].map((of) => {
    const [port] = of.spec.ports
    assert.ok(port)
    return styleOf(of, port, settingsOf(of), 'nodes')
  })
  assert.equal(one, other)
})
