import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { runs } from '../support/builders.ts'
import { createMemoryEngine } from '../support/memory-engine.ts'
import { table } from '../unit/edge/builders.ts'
import { createCrashDisk } from '../unit/edge/crash-disk.ts'
import { createEdgeWorld, type EdgeWorld, tell } from '../unit/edge/edge-world.ts'

const OWNERS = ['a/public', 'b/public', 'c/public']
/** All owners ask for this one too. */
const CONTESTED = '203.0.113.100:443'

/** The table of an owner at a time: its own sockets tell which one it is. */
function tableAt(name: string, time: number) {
  const place = `203.0.113.${10 + OWNERS.indexOf(name)}`
  return table([`${place}:${1_000 + time}`, `${place}:${2_000 + time}`, CONTESTED])
}

/** The time of the table that is served for an owner, 0 if none is. Throws on a mix of two. */
function servedTime(world: EdgeWorld, name: string): number {
  const [cluster = ''] = name.split('/')
  const own = world.memory.state.frontends.filter(
    ({ id, frontend }) => id.startsWith(`${cluster}.`) && frontend.port !== 443,
  )
  const times = own.map(({ frontend }) => frontend.port % 1_000)
  assert.ok(times.length === 0 || (times.length === 2 && times[0] === times[1]), `${name} is mixed: ${times.join(' ')}`)
  return times[0] ?? 0
}

function holder(world: EdgeWorld): string | undefined {
  return world.memory.state.frontends.find(({ frontend }) => frontend.port === 443)?.id
}

/** Writes of some owners at once, one group after the other. */
const writes = fc.array(fc.subarray(OWNERS, { minLength: 1 }), { minLength: 1, maxLength: 4 })
const luck = fc.array(fc.boolean(), { minLength: 16, maxLength: 16 })

test('killed at any instant: a table that was acknowledged is served after the restart, another one is the old or the new', async () => {
  await fc.assert(
    fc.asyncProperty(writes, fc.nat(30), luck, fc.boolean(), async (groups, crashAt, lucky, alone) => {
      const disk = createCrashDisk()
      disk.crashAt = crashAt + 1
      const memory = createMemoryEngine()
      const world = await createEdgeWorld({ disk, memory })
      const sent = new Map(OWNERS.map((name) => [name, 0]))
      const acknowledged = new Map(sent)
      let held: string | undefined
      await world.referee.start()
      for (const [index, names] of groups.entries()) {
        const outcomes = names.map(async (name) => {
          sent.set(name, index + 1)
          const outcome = tell(await world.put(name, tableAt(name, index + 1)))
          if (/^\d/.test(outcome)) acknowledged.set(name, index + 1)
          return outcome
        })
        const ends = await Promise.all(outcomes)
        if (!ends.every((end) => /^\d/.test(end))) break
        held = holder(world)
      }
      await world.referee.stop()
      // The program lives on, or was killed too and starts with nothing but what the edge tells it.
      const after = await createEdgeWorld({
        disk: disk.restart((index) => lucky[index % lucky.length] ?? false),
        memory: alone ? memory : createMemoryEngine(),
      })
      await after.referee.start()
      await after.referee.stop()
      for (const name of OWNERS) {
        const time = servedTime(after, name)
        const allowed = [acknowledged.get(name), sent.get(name)]
        assert.ok(allowed.includes(time), `${name} is at ${time}, not ${allowed.join(' or ')}`)
      }
      if (held !== undefined) assert.equal(holder(after), held)
    }),
    runs(300),
  )
})
