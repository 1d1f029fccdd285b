/** Where Services lead: to what Nodes and EndpointSlices say, at ports that the API server has given, and on addresses of the class. No text of theirs is asked. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { inRange } from '../../src/model/address.ts'
import { desire, endpoint, node, pod, pool, rangeOf, runs, slice } from '../support/builders.ts'
import { hostileCluster } from './hostile.ts'

const POOL = rangeOf('198.18.0.0/30')
const PODS = rangeOf('10.244.0.0/16')
const NODES = [node('n1', ['InternalIP 10.0.0.1', 'InternalIP fd00::1']), node('n2', ['InternalIP 10.0.0.2'])]
/** The last ones are in no range that pods may be in, or on the way to something that only the proxy reaches. */
const ENDPOINTS = ['10.244.0.7', '10.0.0.9', '127.0.0.1', '169.254.169.254', '198.18.0.1', '::1', 'fe80::1'].map(
  (address) => pod(address, { ready: true }),
)
const TARGETS = new Set(['10.0.0.1', '10.0.0.2', 'fd00::1', '10.244.0.7'])
/** kube-proxy's own, which nobody chooses. */
const CHECKED = new Set([undefined, 10_256])

test('whoever writes Services alone chooses no target, no check and no address of his own', () => {
  let served = 0
  fc.assert(
    fc.property(hostileCluster, ({ services }) => {
      const ports = [{ name: 'https', protocol: 'TCP' as const, port: 8_080 }]
      const slices = services.map((one) => slice(one, [...ENDPOINTS, endpoint('n1', { ready: true })], { ports }))
      const { table } = desire(
        services,
        { pools: [pool('main', [POOL.text])], podRanges: [PODS], forbidden: (address) => inRange(POOL, address) },
        { nodes: NODES, slicesOf: ({ name }) => slices.filter((one) => one.service === name) },
      )
      const nodePorts = new Set(services.flatMap(({ spec }) => spec.ports.map(({ nodePort = 0 }) => nodePort)))
      for (const one of table.frontends) {
        served++
        assert.ok(inRange(POOL, one.address))
        assert.ok(nodePorts.has(one.targetPort) || one.targetPort === 8_080 || one.group.startsWith('pods/'), one.group)
        assert.ok(CHECKED.has(one.healthCheck?.port))
      }
      for (const { targets } of table.groups) {
        for (const { address, port = 8_080 } of targets) {
          // The endpoint of the builder is a pod as well.
          assert.ok(TARGETS.has(address) || address === '10.244.0.1', address)
          assert.ok(nodePorts.has(port) || port === 8_080)
        }
      }
    }),
    runs(500),
  )
  assert.ok(served > 300, `${served}`)
})
