/** What Envoy does to connections and flows while it is told of changes. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../lab/free-port.ts'
import { askTcp, startLongTransfer, whoServes } from './clients.ts'
import { isAlive, openTo, whoIs } from './engine-suite-settings.ts'
import { eventually, stateOf } from './engine-suite-world.ts'
import { envoyTest } from './envoy-harness.ts'
import { openUdp, startUdpEcho } from './envoy-udp.ts'

envoyTest(
  'what is allowed, and who else is on the socket, ends no connection',
  async (world) => {
    const { engine, groups, signal, clients } = world
    const [near, far] = clients
    const web = await world.frontend({ sourceRanges: ['127.0.0.0/8'] })
    await engine.apply(stateOf(groups, web), signal)
    const open = await openTo(web)
    const steps = [
      stateOf(groups, { ...web, sourceRanges: [`${near}/32`] }),
      stateOf(groups, { ...web, sourceRanges: [`${near}/32`, '2001:db8::/32'] }),
      stateOf({ ...groups, ab: [world.targets.c] }, { ...web, sourceRanges: [`${near}/32`] }),
    ]
    for (const state of steps) {
      assert.deepEqual((await engine.apply(state, signal)).refused, [])
      assert.match(await whoIs(web, near), /[abc]/)
      assert.equal(await whoIs(web, far), 'nobody')
    }
    // Longer than what is replaced may live.
    await sleep(3_000)
    assert.ok(await isAlive(open.socket))
    open.socket.destroy()
  },
  1,
)

envoyTest('a frontend whose settings change loses no connection', async (world) => {
  const { engine, groups, signal } = world
  const web = await world.frontend()
  await engine.apply(stateOf(groups, web), signal)
  const transfer = await startLongTransfer(web, signal)
  const over = new AbortController()
  let asked = 0
  const askOn = async (): Promise<unknown> => {
    try {
      for (; !over.signal.aborted; asked++) assert.match((await askTcp(web)).name, /[abc]/)
      return undefined
    } catch (error) {
      return error
    }
  }
  const lost = askOn()
  for (let turn = 0; turn < 4; turn++) {
    const changed = [{ proxyProtocol: 'v2' }, { balance: 'source' }, { maxConnections: 999 }, { group: 'c' }] as const
    for (const wishes of changed) {
      assert.deepEqual((await engine.apply(stateOf(groups, { ...web, ...wishes }), signal)).refused, [])
    }
  }
  over.abort()
  assert.equal(await lost, undefined)
  assert.ok(asked > 50)
  assert.ok((await transfer.finish()) > 0)
})

envoyTest('a flow of UDP stays as it is while others change', async (world) => {
  const { engine, groups, signal, targets, clients } = world
  const targetPort = await freePort(targets.a.address, targets.b.address)
  const echoes = await Promise.all(
    (['a', 'b'] as const).map((name) => startUdpEcho(name, { address: targets[name].address, port: targetPort })),
  )
  const dns = await world.frontend({ protocol: 'UDP', targetPort, sourceRanges: [`${clients[0]}/32`] })
  try {
    await engine.apply(stateOf(groups, dns), signal)
    const flow = await openUdp(dns, clients[0])
    const first = await flow.ask('hello')
    for (let turn = 0; turn < 5; turn++) {
      const others = [await world.frontend(), await world.frontend({ protocol: 'UDP', group: 'c' })]
      const c = turn % 2 === 0 ? [targets.a] : [targets.c]
      assert.deepEqual((await engine.apply(stateOf({ ...groups, c }, dns, ...others), signal)).refused, [])
      assert.equal(await flow.ask('hello'), first)
    }
    // Any size, and the same port for TCP; strangers are dropped, and so is who would be one too many.
    assert.equal((await flow.ask('x'.repeat(40_000))).split(' ').at(-1), '40000')
    const web = await world.frontend({ port: dns.port })
    assert.deepEqual((await engine.apply(stateOf(groups, dns, web), signal)).refused, [])
    assert.match(await whoIs(web), /[ab]/)
    assert.equal(await flow.ask('hello'), first)
    await assert.rejects((await openUdp(dns, clients[1])).ask('hello'), /no answer/)
    await engine.apply(stateOf(groups, { ...dns, maxConnections: 1, idleTimeoutMs: 1_000 }), signal)
    const alone = await openUdp(dns, clients[0])
    assert.match(await alone.ask('hello'), /^[ab]/)
    await assert.rejects((await openUdp(dns, clients[0])).ask('hello'), /no answer/)
    await sleep(1_500)
    assert.match(await (await openUdp(dns, clients[0])).ask('hello'), /^[ab]/)
  } finally {
    for (const echo of echoes) await echo.close()
  }
})

envoyTest(
  'a client of UDP finds its target by its address, if asked, and targets that fail get nothing',
  async (world) => {
    const { engine, groups, signal, targets, clients } = world
    const targetPort = await freePort(targets.a.address, targets.b.address)
    const echoes = await Promise.all(
      (['a', 'b'] as const).map((name) => startUdpEcho(name, { address: targets[name].address, port: targetPort })),
    )
    const health = await world.startHealth()
    const check = { kind: 'http', port: health.port, intervalMs: 100, timeoutMs: 500, rise: 1, fall: 2 } as const
    const healthCheck = { ...check, derived: true }
    const sip = await world.frontend({ protocol: 'UDP', targetPort, balance: 'source', healthCheck })
    const whoAnswers = async () => (await (await openUdp(sip, clients[0])).ask('hello')).split(' ')[0]
    try {
      await engine.apply(stateOf(groups, sip), signal)
      const own = (await whoAnswers()) ?? ''
      for (let count = 0; count < 10; count++) assert.equal(await whoAnswers(), own)
      await health.set(own === 'a' ? 'a' : 'b', 'bad')
      await eventually('the other one answers', async () => (await whoAnswers()) !== own, signal)
    } finally {
      for (const echo of echoes) await echo.close()
    }
  },
)

envoyTest('a target that is down stays so while others come and go', async (world) => {
  const { engine, groups, signal, targets } = world
  const health = await world.startHealth()
  await health.set('b', 'bad')
  const check = { kind: 'http', port: health.port, intervalMs: 1_000, timeoutMs: 500, rise: 2, fall: 3 } as const
  const web = await world.frontend({ healthCheck: { ...check, derived: false } })
  await engine.apply(stateOf(groups, web), signal)
  for (let turn = 0; turn < 3; turn++) {
    assert.deepEqual(await whoServes(web, 10), ['a'])
    await engine.apply(stateOf({ ...groups, ab: [targets.a, targets.b, targets.c] }, web), signal)
    assert.deepEqual(await whoServes(web, 10), ['a', 'c'])
    await engine.apply(stateOf(groups, web), signal)
  }
})
