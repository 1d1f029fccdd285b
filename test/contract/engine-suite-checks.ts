/** The part of the suite for engines about which targets get connections: checks and draining. */
import assert from 'node:assert/strict'
import type { Engine } from '../../src/edge/engines/engine.ts'
import { CHECK_DEFAULTS } from '../../src/model/checks.ts'
import type { HealthCheck } from '../../src/model/table.ts'
import { startLongTransfer, whoServes } from './clients.ts'
import { isAlive, openTo, whoIs } from './engine-suite-settings.ts'
import { type EngineTest, eventually, idOf, stateOf } from './engine-suite-world.ts'

/** A check that is done soon. */
const QUICK: HealthCheck = {
  kind: 'http',
  port: undefined,
  intervalMs: 100,
  timeoutMs: 500,
  rise: 1,
  fall: 2,
  derived: false,
}

/** How the program sees the targets: `a up, b down`. */
async function healthText(engine: Engine, id: string, signal: AbortSignal): Promise<string> {
  const seen = (await engine.health(signal)).filter((one) => one.id === id)
  return seen.map(({ address, state }) => `${address.split('.').at(-1)} ${state}`).join(', ')
}

export const checkTests: Readonly<Record<string, EngineTest>> = {
  'a node whose health port says no gets no connections, of any frontend': async (world) => {
    const { engine, groups, signal } = world
    const health = await world.startHealth()
    const healthCheck = { ...QUICK, port: health.port }
    const web = await world.frontend({ healthCheck })
    const mail = await world.frontend({ healthCheck, proxyProtocol: 'v2' })
    const blind = await world.frontend()
    await engine.apply(stateOf(groups, web, mail, blind), signal)
    assert.deepEqual(await whoServes(web), ['a', 'b'])
    assert.equal(await healthText(engine, idOf(blind), signal), '11 unchecked, 12 unchecked')
    for (const bad of ['bad', 'silent'] as const) {
      await health.set('a', bad)
      await eventually('a is down', async () => (await whoServes(web)).join('') === 'b', signal)
      await eventually('for all', async () => (await whoServes(mail)).join('') === 'b', signal)
      assert.equal(await healthText(engine, idOf(mail), signal), '11 down, 12 up')
      assert.deepEqual(await whoServes(blind), ['a', 'b'])
      await health.set('a', 'good')
      await eventually('a is up', async () => (await whoServes(web)).join('') === 'ab', signal)
      await eventually('for all', async () => (await whoServes(mail)).join('') === 'ab', signal)
    }
  },
  'each node is asked once, however many frontends lead to it': async (world) => {
    const { engine, groups, signal } = world
    const health = await world.startHealth()
    const healthCheck = { ...QUICK, port: health.port, derived: true }
    const many = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        world.frontend({ healthCheck, proxyProtocol: index % 2 === 0 ? 'off' : 'v2', targetPort: 1000 + index }),
      ),
    )
    await engine.apply(stateOf(groups, ...many), signal)
    const before = health.asked('a')
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    const asked = health.asked('a') - before
    assert.ok(asked >= 10 && asked <= 30, `${asked} requests in 2 s at one in 100 ms`)
  },
  'a check that nobody asked for never takes all targets out': async (world) => {
    const { engine, groups, signal, targets } = world
    const health = await world.startHealth()
    const derived = await world.frontend({ healthCheck: { ...QUICK, port: health.port, derived: true } })
    const asked = await world.frontend({ healthCheck: { ...QUICK, port: health.port, derived: false } })
    await engine.apply(stateOf(groups, derived, asked), signal)
    const transfer = await startLongTransfer(derived, signal)
    // A firewall between the proxy and that port, for example.
    await health.set('a', 'silent')
    await eventually('a is down', async () => (await whoServes(derived)).join('') === 'b', signal)
    await health.set('b', 'silent')
    await eventually('all are down', async () => (await whoIs(asked)) === 'nobody', signal)
    assert.deepEqual(await whoServes(derived), ['a', 'b'])
    await health.set('c', 'silent')
    await engine.apply(stateOf({ ...groups, ab: [targets.b, targets.c] }, derived, asked), signal)
    await eventually('c is down as well', async () => (await whoIs(asked)) === 'nobody', signal)
    assert.deepEqual(await whoServes(derived), ['b', 'c'])
    await health.set('c', 'good')
    await eventually('only c is up', async () => (await whoServes(derived)).join('') === 'c', signal)
    assert.ok((await transfer.finish()) > 0)
  },
  'a target that refuses connections on its own port is taken out by a check of that port': async (world) => {
    const { engine, groups, signal, clients } = world
    const thresholds = engine.capabilities.TCP?.checkThresholds === true ? {} : CHECK_DEFAULTS
    const healthCheck = { ...QUICK, kind: 'tcp' as const, ...thresholds, intervalMs: QUICK.intervalMs }
    const gone = { ...groups, ab: [{ name: 'gone', address: clients[0] }, ...(groups['ab'] ?? [])] }
    const web = await world.frontend({ healthCheck })
    const mail = await world.frontend({ healthCheck, proxyProtocol: 'v1' })
    await engine.apply(stateOf(gone, web, mail), signal)
    for (const one of [web, mail]) {
      const expected = '101 down, 11 up, 12 up'
      await eventually('it is down', async () => (await healthText(engine, idOf(one), signal)) === expected, signal)
      assert.deepEqual(await whoServes(one), ['a', 'b'])
    }
  },
  'a draining target keeps its connections and gets no new ones': async (world) => {
    const { engine, groups, signal, targets } = world
    const can = engine.capabilities.TCP
    const all = [
      await world.frontend(),
      await world.frontend({ balance: 'source' }),
      ...(can?.affinityTimeout === true ? [await world.frontend({ balance: 'source', affinityMs: 60_000 })] : []),
      await world.frontend({
        balance: can?.balance.includes('least-connections') === true ? 'least-connections' : 'random',
        proxyProtocol: world.newestProxy,
      }),
    ]
    await engine.apply(stateOf(groups, ...all), signal)
    for (const one of all) {
      const open = await openTo(one)
      const name = open.name === 'a' ? 'a' : 'b'
      const others = name === 'a' ? targets.b : targets.a
      const draining = [{ ...targets[name], draining: 'cordoned' as const }, others]
      const state = stateOf({ ...groups, ab: draining }, ...all)
      await engine.apply(state, signal)
      assert.deepEqual(await whoServes(one), [others.name], one.balance)
      assert.ok(await isAlive(open.socket))
      assert.match(await healthText(engine, idOf(one), signal), /draining/)
      assert.equal((await engine.apply(state, signal)).how, 'nothing')
      // Gone at last: what it has goes on all the same.
      await engine.apply(stateOf({ ...groups, ab: [others] }, ...all), signal)
      assert.ok(await isAlive(open.socket))
      await engine.apply(stateOf(groups, ...all), signal)
      assert.ok(await isAlive(open.socket))
      open.socket.destroy()
    }
    assert.deepEqual(await whoServes(all[0] ?? assert.fail()), ['a', 'b'])
  },
}
