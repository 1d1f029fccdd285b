import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { problemOf } from '../../../src/edge/failures.ts'
import { FairwayError, type Problem } from '../../../src/model/problems.ts'
import { createMemoryEngine } from '../../support/memory-engine.ts'
import { silentLog } from '../../support/operator-world.ts'
import { on, owned, table } from './builders.ts'
import { createCrashDisk } from './crash-disk.ts'
import { startWorld, stopWorlds, tell } from './edge-world.ts'

afterEach(stopWorlds)

const WEB = table(['203.0.113.10:443'])
const MAIL = table(['203.0.113.10:25'])
const DOWN: Problem = { code: 'ProxyUnreachable', kind: 'transient', message: 'it is down', remedy: 'Start it' }

async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((done) => setTimeout(done, 1))
}

describe('a program that fails', () => {
  test('leaves everything as it was: on the disk, in what owners see, and for the next start', async () => {
    const world = await startWorld()
    await world.put('prod-a/public', WEB)
    world.memory.broken = DOWN
    assert.equal(tell(await world.put('prod-a/public', MAIL)), 'EngineUnreachable')
    world.memory.broken = undefined
    assert.equal(world.referee.look('prod-a/public')?.stored.generation, 1)
    const restarted = await startWorld({ disk: world.disk.restart(() => true) })
    assert.deepEqual(restarted.served(), ['prod-a.public.tcp.203.0.113.10.443'])
  })

  test('and got half of a write: that is undone before its owner is told', async () => {
    const memory = createMemoryEngine()
    const { engine } = memory
    let halfway = false
    memory.engine = {
      ...engine,
      apply: async (state, signal) => {
        const applied = await engine.apply(state, signal)
        if (halfway && state.frontends.some(({ frontend }) => frontend.port === 25)) throw new FairwayError(DOWN)
        return applied
      },
    }
    const world = await startWorld({ memory })
    await world.put('prod-a/public', WEB)
    halfway = true
    const told = world.put('prod-a/public', MAIL).then(tell)
    assert.deepEqual([await told, world.served()], ['EngineUnreachable', ['prod-a.public.tcp.203.0.113.10.443']])
    assert.equal(world.referee.trouble, undefined)
  })

  test('is in the log once when it begins, when it changes and when it is over', async () => {
    const lines: string[] = []
    const keep = (_: object, message: string) => void lines.push(message)
    const log = { ...silentLog, error: keep, info: keep }
    const memory = createMemoryEngine()
    memory.broken = DOWN
    const world = await startWorld({ memory, log, retryMs: 1 })
    await eventually(() => world.passes.length > 3)
    memory.broken = { ...DOWN, message: 'it is broken' }
    assert.equal(tell(await world.put('prod-a/public', WEB)), 'EngineUnreachable')
    memory.broken = undefined
    await eventually(() => world.passes.includes('nothing'))
    assert.deepEqual(lines, [
      'a change was not made: it is down. Start it',
      'a change was not made: it is broken. Start it',
      'the tables are served again',
    ])
  })

  test('fails the table that it does not take, and not those that were written with it', async () => {
    const world = await startWorld()
    const { promise, resolve } = Promise.withResolvers<void>()
    world.memory.during = () => promise
    const first = world.put('prod-a/public', WEB)
    await new Promise((done) => setTimeout(done, 5))
    world.memory.chokes = ({ frontends }) => frontends.some(({ frontend }) => frontend.port === 666)
    const bad = world.put('prod-b/public', table(['203.0.113.11:666']))
    const good = world.put('prod-c/public', MAIL)
    resolve()
    assert.deepEqual((await Promise.all([first, bad, good])).map(tell), ['1', 'EngineFailed', '1'])
    assert.deepEqual(world.served(), ['prod-a.public.tcp.203.0.113.10.443', 'prod-c.public.tcp.203.0.113.10.25'])
  })

  test('says nothing of others in its complaint', async () => {
    const world = await startWorld()
    await world.put('prod-a/public', WEB)
    world.memory.chokes = () => true
    const outcome = await world.put('prod-b/public', MAIL)
    assert.ok('refused' in outcome)
    assert.equal(
      outcome.refused.message,
      'the proxy program could not be brought to the tables; what was served before is served on',
    )
  })

  test('at the start: the tables are there to be read, with the trouble, until it takes them', async () => {
    const world = await startWorld()
    await world.put('prod-a/public', WEB)
    const memory = createMemoryEngine()
    memory.broken = DOWN
    const restarted = await startWorld({ disk: world.disk.restart(() => false), memory })
    assert.equal(restarted.referee.look('prod-a/public')?.trouble?.message, 'it is down')
    restarted.memory.broken = undefined
    assert.equal(tell(await restarted.put('prod-b/public', MAIL)), '1')
    assert.equal(restarted.referee.look('prod-a/public')?.trouble, undefined)
    assert.equal(restarted.served().length, 2)
  })

  test('that takes too long is called off', async () => {
    const world = await startWorld({ applyMs: 20 })
    world.memory.during = (cut) => new Promise((_, reject) => cut.addEventListener('abort', () => reject(cut.reason)))
    const outcome = await world.put('prod-a/public', WEB)
    assert.ok('refused' in outcome)
    assert.match(outcome.refused.message, /^memory took too long/)
  })

  test('that takes too long has not failed, whatever was waited with', async () => {
    const wait = sleep(10_000, undefined, { signal: AbortSignal.timeout(1) })
    const error: unknown = await wait.catch((thrown: unknown) => thrown)
    assert.equal(problemOf(error, 'envoy').message, 'envoy took too long to take the change')
  })

  test('for one frontend refuses it alone', async () => {
    const world = await startWorld()
    world.memory.refuses = new Map([['prod-a.public.tcp.203.0.113.10.25', { ...DOWN, code: 'ProxyRejected' }]])
    assert.equal(
      tell(await world.put('prod-a/public', table(['203.0.113.10:25', '203.0.113.10:443']))),
      '1 tcp/203.0.113.10:25 ProxyRejected',
    )
  })
})

describe('a disk', () => {
  test('that is full takes no table, and the program is not asked', async () => {
    const world = await startWorld()
    await world.put('prod-a/public', WEB)
    const { applies } = world.memory
    world.disk.failAt = world.disk.operations()
    assert.equal(tell(await world.put('prod-a/public', MAIL)), 'DiskFailed')
    assert.equal(world.memory.applies, applies)
    assert.equal(tell(await world.put('prod-a/public', MAIL)), '2')
  })

  test('that fails when it counts: what was there before is served again', async () => {
    const world = await startWorld()
    await world.put('prod-a/public', WEB)
    world.disk.failAt = world.disk.operations() + 3
    assert.equal(tell(await world.put('prod-a/public', MAIL)), 'DiskFailed')
    assert.equal(tell(await world.put('prod-b/public', table(['203.0.113.11:80']))), '1')
    assert.deepEqual(world.served(), ['prod-a.public.tcp.203.0.113.10.443', 'prod-b.public.tcp.203.0.113.11.80'])
  })

  test('that has lost a table: nothing is changed until it is written again, or two minutes have passed', async () => {
    const world = await startWorld()
    await world.put('prod-a/public', WEB)
    const disk = world.disk.restart(() => false)
    disk.put('prod-a.public.table.json', 'rubbish')
    let now = Date.UTC(2026, 7, 2)
    const restarted = await startWorld({ disk, memory: world.memory, now: () => now })
    assert.deepEqual(restarted.served(), ['prod-a.public.tcp.203.0.113.10.443'])
    assert.equal(tell(await restarted.put('prod-b/public', MAIL)), 'Busy')
    assert.deepEqual(restarted.served(), ['prod-a.public.tcp.203.0.113.10.443'])
    assert.equal(tell(await restarted.put('prod-a/public', WEB)), '1')
    assert.equal(tell(await restarted.put('prod-b/public', MAIL)), '1')

    const other = createCrashDisk()
    other.put('prod-a.public.table.json', 'rubbish')
    const late = await startWorld({ disk: other, now: () => now })
    now += 120_001
    assert.equal(tell(await late.put('prod-b/public', MAIL)), '1')
  })
})

describe('the machine', () => {
  test('a socket that another program has is refused by its name, and served once it is free', async () => {
    const world = await startWorld()
    world.machine.taken.set('tcp/203.0.113.10:443', 'nginx')
    const outcome = await world.put('prod-a/public', table(['203.0.113.10:443', '203.0.113.10:25']))
    assert.equal(tell(outcome), '1 tcp/203.0.113.10:443 PortTaken')
    assert.ok('view' in outcome)
    const message = outcome.view?.refused[0]?.problem.message
    assert.equal(message, 'tcp/203.0.113.10:443 is taken by nginx (process 100) on tcp/203.0.113.10:443')
    world.machine.taken.clear()
    await world.put('prod-b/public', table([]))
    assert.deepEqual(world.referee.look('prod-a/public')?.refused, [])
    assert.equal(world.served().length, 2)
  })

  test('what is served is not tested again', async () => {
    const world = await startWorld()
    await world.put('prod-a/public', WEB)
    await world.put('prod-a/public', table(['203.0.113.10:443', '203.0.113.10:25']))
    assert.deepEqual(world.machine.tested, ['tcp/203.0.113.10:443', 'tcp/203.0.113.10:25'])
  })

  test('after a restart what the program has itself is not in its way, and what another has is', async () => {
    const world = await startWorld()
    await world.put('prod-a/public', table(['203.0.113.10:443', '203.0.113.10:25']))
    const { machine, memory } = world
    // Binaries have all kinds of names.
    machine.taken.set('tcp/203.0.113.10:443', 'memory-1.40-x64').set('tcp/203.0.113.10:25', 'postfix')
    memory.state = {
      ...memory.state,
      frontends: memory.state.frontends.filter(({ frontend }) => frontend.port === 443),
    }
    const restarted = await startWorld({ disk: world.disk.restart(() => false), memory, machine })
    assert.deepEqual(restarted.served(), ['prod-a.public.tcp.203.0.113.10.443'])
  })

  test('what the program was told to give up, and has kept, it is given again', async () => {
    const memory = createMemoryEngine()
    const kept = { protocol: 'TCP', address: '203.0.113.10', port: 25 } as const
    memory.engine = { ...memory.engine, bound: async () => [kept] }
    const world = await startWorld({ memory })
    for (const list of [['203.0.113.10:25'], [], ['203.0.113.10:25']]) {
      assert.match(tell(await world.put('prod-a/public', table(list))), /^\d$/)
      world.machine.taken.set('tcp/203.0.113.10:25', 'memory-1.40-x64')
    }
    assert.deepEqual(world.served(), ['prod-a.public.tcp.203.0.113.10.25'])
  })

  test('after a restart nobody can be named: what the program says it has is its own, and the rest is not', async () => {
    const world = await startWorld()
    await world.put('prod-a/public', table(['203.0.113.10:443', '203.0.113.10:25']))
    const { machine, memory } = world
    machine.taken.set('tcp/203.0.113.10:443', '').set('tcp/203.0.113.10:25', '')
    memory.state = {
      ...memory.state,
      frontends: memory.state.frontends.filter(({ frontend }) => frontend.port === 443),
    }
    const restarted = await startWorld({ disk: world.disk.restart(() => false), memory, machine })
    assert.deepEqual(restarted.served(), ['prod-a.public.tcp.203.0.113.10.443'])
    assert.deepEqual(
      restarted.referee.look('prod-a/public')?.refused.map(({ problem }) => problem.message),
      ['tcp/203.0.113.10:25 is taken by a process of user ID 33 on tcp/203.0.113.10:25'],
    )
  })

  test('a program that does not tell what it has keeps all that nobody else is known to have', async () => {
    const world = await startWorld()
    await world.put('prod-a/public', table(['203.0.113.10:443', '203.0.113.10:25']))
    const { machine, memory } = world
    machine.taken.set('tcp/203.0.113.10:443', '').set('tcp/203.0.113.10:25', 'postfix')
    memory.engine = { ...memory.engine, bound: () => Promise.reject(new Error('it does not say')) }
    const restarted = await startWorld({ disk: world.disk.restart(() => false), memory, machine })
    assert.deepEqual(restarted.served(), ['prod-a.public.tcp.203.0.113.10.443'])
  })

  test('after a change that went wrong the program is asked what it has, too', async () => {
    const world = await startWorld()
    await world.put('prod-a/public', WEB)
    world.memory.broken = DOWN
    await world.put('prod-a/public', table(['203.0.113.10:443', '203.0.113.10:25']))
    world.memory.broken = undefined
    world.machine.taken.set('tcp/203.0.113.10:443', '').set('tcp/203.0.113.10:25', '')
    const outcome = await world.put('prod-a/public', table(['203.0.113.10:443', '203.0.113.10:25']))
    assert.equal(tell(outcome), '2 tcp/203.0.113.10:25 PortTaken')
  })

  test('the sockets of its administrator are not given away', async () => {
    const world = await startWorld()
    world.memory.listeners = [
      { protocol: 'TCP', address: '*', firstPort: 8_000, lastPort: 8_999, holder: 'frontend stats' },
    ]
    const outcome = await world.put('prod-a/public', table(['203.0.113.10:8404', '203.0.113.10:80']))
    assert.equal(tell(outcome), '1 tcp/203.0.113.10:8404 PortTaken')
  })

  test('frontends of the configuration need no cluster', async () => {
    const world = await startWorld({ fixed: [owned('_fixed/kube-apiserver', on('192.0.2.1:6443'))] })
    assert.deepEqual(world.served(), ['_fixed.kube-apiserver.tcp.192.0.2.1.6443'])
  })
})
