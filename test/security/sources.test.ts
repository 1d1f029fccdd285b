/** Whom source ranges keep out, at each real program: a range of the other family lets nobody in. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Frontend } from '../../src/model/table.ts'
import { type Backend, startTcpBackend } from '../contract/backends.ts'
import { askTcp } from '../contract/clients.ts'
import { local } from '../contract/net.ts'
import { freePort } from '../lab/free-port.ts'
import { frontend } from '../support/builders.ts'
import { PROGRAMS, startProgram } from './programs.ts'

/** Of an address that clients of its own family come from. */
const CASES: readonly (readonly [address: string, sourceRanges: readonly string[], isServed: boolean])[] = [
  [local(1), [], true],
  [local(1), ['127.0.0.0/8'], true],
  [local(1), ['192.0.2.0/24'], false],
  // Everybody in IPv6, and of IPv4 only one network: HAProxy would take the first for all there is.
  [local(1), ['192.0.2.0/24', '::/0'], false],
  [local(1), ['::/0'], false],
  [local(1), ['127.0.0.0/8', '::/0'], true],
  ['::1', ['::1/128'], true],
  // ::1 is 0.0.0.1 to HAProxy where it looks for one.
  ['::1', ['0.0.0.0/0', '2001:db8::/32'], false],
  ['::1', ['0.0.0.0/0'], false],
]

for (const name of PROGRAMS) {
  test(`${name}: a client gets through by a range of its own family only`, async ({ signal }) => {
    const { unit, engine: create } = await startProgram(name)
    const targetPort = await freePort(local(11))
    let backend: Backend | undefined
    try {
      backend = await startTcpBackend('a', { address: local(11), port: targetPort })
      const engine = await create()
      const group = { id: 'prod.public.a', targets: [{ name: 'a', address: local(11) }] }
      for (const hosts of [[], ['a.example']]) {
        const all: Frontend[] = []
        for (const [address, sourceRanges] of CASES) {
          const port = await freePort(address)
          all.push(frontend({ address, port, sourceRanges, group: group.id, targetPort, hosts: [] }))
          // Beside another one that its hosts tell apart, the ranges of the one without hosts are looked at elsewhere.
          if (hosts.length > 0) all.push(frontend({ address, port, hosts, group: group.id, targetPort }))
        }
        const frontends = all.map((one, at) => ({
          id: `prod.public.tcp.${at}`,
          frontend: one,
          bindAddress: one.address,
        }))
        const { refused } = await engine.apply({ frontends, groups: new Map([[group.id, group]]) }, signal)
        assert.deepEqual(refused, [])
        const open = all.filter((one) => one.hosts.length === 0)
        for (const [at, [address, sourceRanges, isServed]] of CASES.entries()) {
          const { port = 0 } = open[at] ?? {}
          const served = await askTcp({ address, port }).then(
            ({ name: who }) => who === 'a',
            () => false,
          )
          assert.equal(served, isServed, `${address} from ${sourceRanges.join(',')} beside "${hosts.join()}"`)
        }
      }
      await engine.close()
    } finally {
      await backend?.close()
      await unit.close()
    }
  })
}
