// Who is in the way of whom, by the index and by looking at each.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createHoldings, type Holding, socketsOverlap } from '../../src/edge/sockets.ts'
import { hostsOverlap } from '../../src/model/hosts.ts'
import { runs } from '../support/builders.ts'

const host = fc.constantFrom('a', 'example', '*.example', 'a.example', 'b.example', '*.a.example', 'c.a.example')
const holding = fc.record({
  holder: fc.constantFrom('prod-a/public', 'prod-a/public', 'prod-b/public'),
  socket: fc.record({
    protocol: fc.constantFrom('TCP' as const, 'UDP' as const),
    address: fc.constantFrom('0.0.0.0', '203.0.113.1', '203.0.113.1', '203.0.113.2', '::', '2001:db8::1'),
    port: fc.constantFrom(443, 443, 80),
  }),
  hosts: fc.uniqueArray(host, { maxLength: 3 }),
})

/** Whether two cannot stand side by side: one holder's may, on one address, by their hosts. */
function collide(a: Holding, b: Holding): boolean {
  if (!socketsOverlap(a.socket, b.socket)) return false
  return a.holder !== b.holder || a.socket.address !== b.socket.address || hostsOverlap(a.hosts, b.hosts)
}

test('a rival is found where there is one, another holder first', () => {
  fc.assert(
    fc.property(fc.array(holding, { maxLength: 12 }), (list) => {
      const holdings = createHoldings<Holding>()
      const given: Holding[] = []
      for (const one of list) {
        const rivals = given.filter((other) => collide(one, other))
        const found = holdings.findRival(one)
        assert.equal(found !== undefined, rivals.length > 0)
        assert.ok(found === undefined || rivals.includes(found))
        const others = rivals.some(({ holder }) => holder !== one.holder)
        assert.equal(found !== undefined && found.holder !== one.holder, others)
        if (found !== undefined) continue
        holdings.add(one)
        given.push(one)
      }
    }),
    runs(2_000),
  )
})
