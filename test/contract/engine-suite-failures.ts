/** The part of the suite for engines about what goes wrong. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { FairwayError } from '../../src/model/problems.ts'
import { askTcp, isOpen, startLongTransfer, whoServes } from './clients.ts'
import { whoIs } from './engine-suite-settings.ts'
import { type EngineTest, eventually, idOf, stateOf } from './engine-suite-world.ts'

/** Runs work that must fail with a problem, and gives its code. */
async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: unknown) => (error instanceof FairwayError ? error.problem.code : String(error)),
  )
}

export const failureTests: Readonly<Record<string, EngineTest>> = {
  'a rejected configuration leaves the old one serving': async (world) => {
    const { engine, groups, signal, harness, admin } = world
    const [web, other] = [await world.frontend(), await world.frontend({ group: 'b' })]
    await engine.apply(stateOf(groups, web), signal)
    const transfer = await startLongTransfer(web, signal)
    const restore = await harness.rejectAll()
    const generation = await harness.generation()
    assert.equal(await codeOf(engine.apply(stateOf(groups, web, other), signal)), 'ProxyRejected')
    assert.equal(await harness.generation(), generation)
    assert.deepEqual(await whoServes(web), ['a', 'b'])
    assert.equal((await askTcp(admin)).name, 'admin')
    await restore()
    assert.deepEqual((await engine.apply(stateOf(groups, web, other), signal)).refused, [])
    assert.equal(await whoIs(other), 'b')
    assert.ok((await transfer.finish()) > 0)
  },
  'a target that changes reaches a program whose other files are broken': async (world) => {
    const { kind, engine, groups, signal, harness, targets } = world
    const web = await world.frontend()
    await engine.apply(stateOf(groups, web), signal)
    const restore = await harness.rejectAll()
    const work = engine.apply(stateOf({ ...groups, ab: [targets.c] }, web), signal)
    assert.equal(await codeOf(work), kind.targetsChange === 'runtime' ? 'none' : 'ProxyRejected')
    await restore()
  },
  'what the program rejects of one frontend is refused by name': async (world) => {
    const { engine, groups, signal, harness } = world
    const [web, bad] = [await world.frontend(), await world.frontend({ group: 'b' })]
    await harness.rejectOne(idOf(bad))
    const { refused } = await engine.apply(stateOf(groups, web, bad), signal)
    assert.deepEqual(
      refused.map(({ id }) => id),
      [idOf(bad)],
    )
    assert.match(refused[0]?.problem.code ?? '', /^(ProxyRejected|PortTaken)$/)
    assert.deepEqual(await whoServes(web), ['a', 'b'])
    const again = await engine.apply(stateOf(groups, web, bad), signal)
    assert.deepEqual([again.how, again.refused], ['nothing', refused])
  },
  'a port that another process takes at the last moment': async (world) => {
    const { engine, groups, signal, admin } = world
    const [web, taken] = [await world.frontend(), await world.frontend({ group: 'b' })]
    await engine.apply(stateOf(groups, web), signal)
    const transfer = await startLongTransfer(web, signal)
    const thief = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => {
      thief.listen({ host: taken.address, port: taken.port, exclusive: true }, resolve)
    })
    try {
      // Either all of it is rejected, or the one that the program names.
      const work = engine.apply(stateOf(groups, web, taken), signal)
      const named = await work.then(
        ({ refused }) => refused.map(({ id, problem }) => `${id} ${problem.code}`),
        () => [],
      )
      if (named.length > 0) assert.deepEqual(named, [`${idOf(taken)} PortTaken`])
      else assert.equal(await codeOf(work), 'ProxyRejected')
      assert.deepEqual(await whoServes(web), ['a', 'b'])
      assert.equal((await askTcp(admin)).name, 'admin')
      // Without it, there is nothing to do.
      assert.deepEqual((await engine.apply(stateOf(groups, web), signal)).how, 'nothing')
    } finally {
      await new Promise((resolve) => void thief.close(resolve))
    }
    assert.deepEqual((await engine.apply(stateOf(groups, web, taken), signal)).refused, [])
    assert.equal(await whoIs(taken), 'b')
    assert.ok((await transfer.finish()) > 0)
  },
  'a program that is killed serves the same when its unit starts it again': async (world) => {
    const { engine, groups, signal, harness, admin } = world
    const web = await world.frontend({ proxyProtocol: world.newestProxy })
    const state = stateOf(groups, web)
    await engine.apply(state, signal)
    await harness.kill()
    await eventually('nobody listens', async () => !(await isOpen(web)), signal)
    await harness.start()
    assert.deepEqual(await whoServes(web), ['a', 'b'])
    assert.equal((await askTcp(admin)).name, 'admin')
    assert.equal((await engine.apply(state, signal)).how, 'nothing')
  },
  'a state that is given while the program is away is served when it comes': async (world) => {
    const { engine, groups, signal, harness } = world
    const [old, web] = [await world.frontend(), await world.frontend({ group: 'c' })]
    await engine.apply(stateOf(groups, old), signal)
    await harness.kill()
    assert.equal(await codeOf(engine.apply(stateOf(groups, web), signal)), 'ProxyUnreachable')
    await harness.start()
    assert.equal((await engine.apply(stateOf(groups, web), signal)).how, 'nothing')
    assert.equal(await whoIs(web), 'c')
    assert.equal(await isOpen(old), false)
  },
  'an apply that is called off leaves the state before or the new one': async (world) => {
    const { engine, groups, signal, targets } = world
    const [web, other] = [await world.frontend(), await world.frontend({ group: 'c' })]
    const [before, after] = [
      stateOf(groups, web),
      stateOf({ ...groups, ab: [targets.b], c: groups['c'] ?? [] }, web, other),
    ]
    await engine.apply(before, signal)
    const transfer = await startLongTransfer(web, signal)
    for (const delay of [0, 2, 5, 10, 20, 40, 60, 80, 120]) {
      const off = new AbortController()
      const work = engine.apply(after, AbortSignal.any([signal, off.signal])).catch(() => {})
      await sleep(delay)
      off.abort()
      await work
      // What was begun may still be on its way.
      await eventually('web is served', async () => (await whoIs(web)) !== 'nobody', signal)
      const serving = (await isOpen(other)) ? 'new' : 'old'
      if (serving === 'old') assert.match(await whoIs(web), /[ab]/)
      assert.deepEqual((await engine.apply(after, signal)).refused, [])
      assert.deepEqual([await whoServes(web), await whoIs(other)], [['b'], 'c'])
      await engine.apply(before, signal)
    }
    assert.ok((await transfer.finish()) > 0)
  },
  'no connection is lost while other frontends come and go': async (world) => {
    const { engine, groups, signal, targets } = world
    const web = await world.frontend({ group: 'c' })
    await engine.apply(stateOf(groups, web), signal)
    const transfers = await Promise.all(Array.from({ length: 20 }, () => startLongTransfer(web, signal)))
    const over = new AbortController()
    let asked = 0
    const askOn = async (): Promise<unknown> => {
      try {
        for (; !over.signal.aborted; asked++) assert.equal((await askTcp(web)).name, 'c')
        return undefined
      } catch (error) {
        return error
      }
    }
    const lost = askOn()
    for (let change = 0; change < 8; change++) {
      const others = await Promise.all([world.frontend(), world.frontend({ group: 'a' })])
      const ab = change % 2 === 0 ? [targets.a] : [targets.a, targets.b]
      await engine.apply(stateOf({ ...groups, ab }, web, ...others), signal)
      assert.equal(await whoIs(others[1] ?? assert.fail()), 'a')
    }
    over.abort()
    assert.equal(await lost, undefined)
    assert.ok(asked > 100)
    for (const transfer of transfers) assert.ok((await transfer.finish()) > 0)
  },
}
