import assert from 'node:assert/strict'
import { test } from 'node:test'
import { arbitrate } from '../../../src/edge/arbitrate.ts'
import type { AddressKeeper } from '../../../src/edge/interface-addresses.ts'
import { createServing } from '../../../src/edge/serve.ts'
import { createMemoryEngine } from '../../support/memory-engine.ts'
import { silentLog } from '../../support/operator-world.ts'
import { owned, rules } from './builders.ts'
import { createFakeMachine } from './edge-world.ts'

/** The third is bound as all addresses, and so in the way of the others. */
const TABLE = owned('prod-a/public', '203.0.113.10:443', '203.0.113.11:443', '203.0.113.12:443')

function broken(): Promise<never> {
  return Promise.reject(new Error('no such device'))
}

function world(addresses: AddressKeeper) {
  const machine = createFakeMachine()
  const memory = createMemoryEngine()
  const parts = { engine: memory.engine, machine, addresses, applyMs: 10_000, log: silentLog }
  const publish = new Map([['203.0.113.12', '*']])
  const arbitration = arbitrate({ fixed: [], tables: [TABLE], order: [], rules: rules({ publish }) })
  return { machine, memory, serving: createServing(parts), arbitration }
}

test('addresses are there before sockets are tried, and stay while they are asked for, served or not', async () => {
  const seen: string[] = []
  const { machine, serving, arbitration } = world({
    add: async (wanted) => void seen.push(`add ${[...wanted].toSorted().join(' ')}`),
    trim: async (wanted) => void seen.push(`keep ${[...wanted].toSorted().join(' ')}`),
  })
  const testBind = machine.testBind
  Object.assign(machine, {
    testBind: (socket: Parameters<typeof testBind>[0]) => {
      seen.push('try')
      return testBind(socket)
    },
  })
  machine.taken.set('tcp/203.0.113.11:443', 'nginx')
  const served = await serving.serve(arbitration)
  await serving.tidy(served.sockets)
  assert.deepEqual(seen.toSorted(), ['add 203.0.113.10 203.0.113.11', 'keep 203.0.113.10 203.0.113.11', 'try', 'try'])
  assert.equal(seen[0], 'add 203.0.113.10 203.0.113.11')
})

test('an interface that cannot be worked harms nobody else', async () => {
  const { serving, arbitration } = world({ add: broken, trim: broken })
  assert.equal((await serving.serve(arbitration)).sockets.length, 2)
})

test('an address that has left the machine is left out once the program fails for it, and no longer keeps the others down', async () => {
  const { machine, memory, serving, arbitration } = world({ add: async () => undefined, trim: async () => undefined })
  await serving.serve(arbitration)
  machine.errors.set('tcp/203.0.113.10:443', 'EADDRNOTAVAIL')
  memory.broken = { code: 'ProxyUnreachable', kind: 'transient', message: 'it does not start', remedy: 'Wait' }
  await assert.rejects(serving.serve(arbitration), /it does not start/)
  memory.broken = undefined
  const { refused } = await serving.serve(arbitration)
  const codes = [...refused.values()].flat().map(({ key, problem }) => `${key} ${problem.code}`)
  // The last one never was to be had.
  assert.deepEqual(codes, ['tcp/203.0.113.10:443 AddressNotOnProxy', 'tcp/203.0.113.12:443 PortTaken'])
})
