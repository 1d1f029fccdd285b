import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { table } from './builders.ts'
import { startWorld, stopWorlds } from './edge-world.ts'

afterEach(stopWorlds)

describe('a program that is started while the edge looks', () => {
  for (const [when, tells] of [
    ['while we looked', 1],
    ['before it could tell of them', 2],
    ['long before it could, on a busy machine', 4],
  ] as const) {
    test(`keeps the sockets that it has opened ${when}`, async () => {
      const world = await startWorld()
      await world.put('prod-a/public', table(['203.0.113.10:443']))
      const { machine, memory } = world
      machine.taken.set('tcp/203.0.113.10:443', 'memory')
      let asked = 0
      const { engine } = memory
      memory.engine = { ...engine, bound: async (signal) => (asked++ < tells ? [] : engine.bound(signal)) }
      const disk = world.disk.restart(() => false)
      const restarted = await startWorld({ disk, memory, machine, applyMs: 10_000 })
      assert.deepEqual(restarted.served(), ['prod-a.public.tcp.203.0.113.10.443'])
      assert.deepEqual(restarted.referee.look('prod-a/public')?.refused, [])
    })
  }

  test('a process of that name that it does not tell of is in the way all the same', async () => {
    const world = await startWorld()
    await world.put('prod-a/public', table(['203.0.113.10:443']))
    const { machine, memory } = world
    machine.taken.set('tcp/203.0.113.10:443', 'memory')
    memory.engine = { ...memory.engine, bound: async () => [] }
    const disk = world.disk.restart(() => false)
    const restarted = await startWorld({ disk, memory, machine, applyMs: 10_000 })
    assert.deepEqual(restarted.served(), [])
    const refused = restarted.referee.look('prod-a/public')?.refused
    assert.deepEqual(
      refused?.map(({ problem }) => problem.code),
      ['PortTaken'],
    )
  })
})
