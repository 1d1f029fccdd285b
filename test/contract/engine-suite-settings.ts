/** The part of the suite for engines about what a frontend may ask for. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Frontend } from '../../src/model/table.ts'
import { freePort } from '../lab/free-port.ts'
import { startTcpBackend } from './backends.ts'
import { askTcp, isOpen, whoServes } from './clients.ts'
import { bind, type EngineTest, type EngineWorld, eventually, stateOf } from './engine-suite-world.ts'
import type { Endpoint } from './harness.ts'

/** Who answers: the target's name, or `nobody`. */
export async function whoIs(to: Endpoint, localAddress?: string): Promise<string> {
  return askTcp(to, localAddress).then(
    ({ name }) => name,
    () => 'nobody',
  )
}

/** A connection that has reached a target, and that stays open. */
export async function openTo({ address, port }: Endpoint): Promise<{ readonly socket: Socket; readonly name: string }> {
  const socket = connect({ host: address, port, noDelay: true })
  socket.on('error', () => {})
  await once(socket, 'connect', { signal: AbortSignal.timeout(5_000) })
  socket.write('hello\n')
  await once(socket, 'data', { signal: AbortSignal.timeout(5_000) })
  const name = await nameOver(socket)
  return { socket, name }
}

async function nameOver(socket: Socket): Promise<string> {
  socket.write('who is there\n')
  const [text] = await once(socket, 'data', { signal: AbortSignal.timeout(5_000) })
  return (JSON.parse(String(text)) as { name: string }).name
}

/** Whether a connection still carries lines both ways. */
export async function isAlive(socket: Socket): Promise<boolean> {
  if (socket.destroyed || socket.readableEnded) return false
  socket.write('ping\n')
  const [text] = await once(socket, 'data', { signal: AbortSignal.timeout(1_000) }).catch(() => [''])
  return String(text) === 'ping\n'
}

/** How many of some clients each target serves, by its name. */
async function shares(web: Frontend, clients: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const client of clients) found.set(client, await whoIs(web, client))
  return found
}

function manyClients({ clients: [first] }: EngineWorld, count: number): readonly string[] {
  const net = first.split('.').slice(0, 3).join('.')
  return Array.from({ length: count }, (_, index) => `${net}.${150 + index}`)
}

export const settingTests: Readonly<Record<string, EngineTest>> = {
  'targets learn the client from PROXY headers of each version that the program can send': async (world) => {
    const { engine, groups, signal, clients } = world
    const versions = (engine.capabilities.TCP?.proxyProtocol ?? []).filter((version) => version !== 'off')
    assert.ok(versions.length > 0)
    const all = await Promise.all(versions.map((proxyProtocol) => world.frontend({ proxyProtocol })))
    const plain = await world.frontend()
    await engine.apply(stateOf(groups, ...all, plain), signal)
    for (const one of all) {
      const asked = await askTcp(one)
      assert.equal(asked.client, asked.from)
      assert.equal((await askTcp(one, clients[0])).client?.split(':')[0], clients[0])
    }
    assert.equal((await askTcp(plain)).client, undefined)
  },
  'a PROXY header names the address and port that the client connected to': async (world) => {
    const { engine, groups, signal, targets } = world
    const targetPort = await freePort(targets.a.address)
    const v1 = await world.frontend({ proxyProtocol: 'v1', targetPort, group: 'a' })
    const server = createServer((socket) => socket.once('data', (text) => socket.end(text)))
    server.listen(targetPort, targets.a.address)
    await once(server, 'listening')
    try {
      await engine.apply(stateOf(groups, v1), signal)
      const socket = connect(v1.port, v1.address)
      const [text] = await once(socket, 'data', { signal: AbortSignal.timeout(5_000) })
      const header = `PROXY TCP4 ${socket.localAddress} ${v1.address} ${socket.localPort} ${v1.port}\r\n`
      assert.equal(String(text), header)
      socket.destroy()
    } finally {
      server.close()
    }
  },
  'only clients in the source ranges are served': async (world) => {
    const { engine, groups, signal, clients } = world
    const [near, far] = clients
    const ranges = [`${near}/32`, '192.0.2.0/24', '2001:db8::/32']
    const web = await world.frontend({ sourceRanges: ranges })
    const all = await world.frontend()
    await engine.apply(stateOf(groups, web, all), signal)
    assert.match(await whoIs(web, near), /[ab]/)
    assert.equal(await whoIs(web, far), 'nobody')
    assert.match(await whoIs(all, far), /[ab]/)
    const many = Array.from({ length: 500 }, (_, index) => `198.18.${index >> 8}.${index & 255}/32`)
    const again = stateOf(groups, { ...web, sourceRanges: [...many, `${far}/32`] })
    assert.deepEqual((await engine.apply(again, signal)).refused, [])
    assert.equal(await whoIs(web, near), 'nobody')
    assert.match(await whoIs(web, far), /[ab]/)
  },
  'all balances serve': async (world) => {
    const { engine, groups, signal } = world
    const all = await Promise.all(
      (engine.capabilities.TCP?.balance ?? []).map((balance) => world.frontend({ balance, group: 'abc' })),
    )
    assert.deepEqual((await engine.apply(stateOf(groups, ...all), signal)).refused, [])
    for (const one of all) assert.equal(await whoServes(one).then(({ length }) => length > 0), true, one.balance)
    const turns = all.find(({ balance }) => balance === 'round-robin')
    if (turns !== undefined) assert.deepEqual(await whoServes(turns), ['a', 'b', 'c'])
    // A target that is busy gets nobody else.
    const least = all.find(({ balance }) => balance === 'least-connections')
    if (least === undefined) return
    const open = [await openTo(least), await openTo(least), await openTo(least)]
    assert.deepEqual(new Set(open.map(({ name }) => name)).size, 3)
    for (const { socket } of open) socket.destroy()
  },
  'balance by source keeps a client at its target, and moves few when one joins': async (world) => {
    const { engine, groups, signal, targets } = world
    const web = await world.frontend({ balance: 'source', group: 'ab' })
    await engine.apply(stateOf(groups, web), signal)
    const clients = manyClients(world, 60)
    const before = await shares(web, clients)
    assert.deepEqual(await shares(web, clients), before)
    for (const name of ['a', 'b']) assert.ok([...before.values()].filter((one) => one === name).length > 10)
    await engine.apply(stateOf({ ...groups, ab: [targets.a, targets.b, targets.c] }, web), signal)
    const after = await shares(web, clients)
    for (const [client, name] of after) assert.ok(name === 'c' || name === before.get(client), client)
    assert.ok([...after.values()].filter((name) => name === 'c').length > 5)
  },
  'affinity brings a client back to its target for as long as was asked': async (world) => {
    const { engine, groups, signal, targets } = world
    const web = await world.frontend({ balance: 'source', affinityMs: 2_000 })
    await engine.apply(stateOf(groups, web), signal)
    const clients = manyClients(world, 40)
    const before = await shares(web, clients)
    // A target that joins takes nobody over who came lately.
    await engine.apply(stateOf({ ...groups, ab: [targets.a, targets.b, targets.c] }, web), signal)
    assert.deepEqual(await shares(web, clients), before)
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    assert.ok([...(await shares(web, clients)).values()].includes('c'))
  },
  'more connections than the limit are closed': async (world) => {
    const { engine, groups, signal } = world
    const web = await world.frontend({ maxConnections: 3 })
    await engine.apply(stateOf(groups, web), signal)
    const open = [await openTo(web), await openTo(web), await openTo(web)]
    assert.equal(await whoIs(web), 'nobody')
    for (const { socket } of open) assert.ok(await isAlive(socket))
    open[0]?.socket.destroy()
    await eventually('there is room again', async () => (await whoIs(web)) !== 'nobody', signal)
    for (const { socket } of open) socket.destroy()
  },
  'an idle connection ends after the time that was asked, and a busy one does not': async (world) => {
    const { engine, groups, signal } = world
    const [short, long] = [await world.frontend({ idleTimeoutMs: 1_000 }), await world.frontend()]
    await engine.apply(stateOf(groups, short, long), signal)
    const [idle, busy, other] = [await openTo(short), await openTo(short), await openTo(long)]
    const began = performance.now()
    const closed = once(idle.socket, 'close', { signal: AbortSignal.timeout(5_000) })
    idle.socket.resume()
    while (performance.now() - began < 2_000) {
      assert.ok(await isAlive(busy.socket))
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
    await closed
    assert.ok(await isAlive(other.socket))
    for (const { socket } of [idle, busy, other]) socket.destroy()
  },
  'targets with ports of their own': async (world) => {
    const { engine, groups, signal, targets, targetPort } = world
    const [web, wrong] = [await world.frontend({ targetPort: 1 }), await world.frontend({ targetPort: 1, group: 'a' })]
    const ported = [
      { ...targets.a, port: targetPort },
      { ...targets.b, port: targetPort },
    ]
    await engine.apply(stateOf({ ...groups, ab: ported }, web, wrong), signal)
    assert.deepEqual(await whoServes(web), ['a', 'b'])
    assert.equal(await whoIs(wrong), 'nobody')
    await engine.apply(stateOf({ ...groups, ab: ported.slice(1) }, web, wrong), signal)
    assert.deepEqual(await whoServes(web), ['b'])
  },
  'a published address that is bound as another one, and as a wildcard': async (world) => {
    const { engine, groups, signal } = world
    const one = await world.frontend()
    const [here, wild] = [one.address, await freePort('0.0.0.0')]
    const published = { ...one, address: '203.0.113.7' }
    const anywhere = { ...one, address: '203.0.113.8', port: wild }
    const frontends = [bind(published, here), bind(anywhere, '0.0.0.0')]
    const state = { ...stateOf(groups, published, anywhere), frontends }
    assert.deepEqual((await engine.apply(state, signal)).refused, [])
    assert.match(await whoIs({ address: here, port: published.port }), /[ab]/)
    assert.match(await whoIs({ address: here, port: wild }), /[ab]/)
    assert.match(await whoIs({ address: world.clients[1], port: wild }), /[ab]/)
  },
  'IPv6 in front and behind, and both families in one group': async (world) => {
    const { engine, groups, signal, targets, targetPort } = world
    const v6 = await world.frontend({ address: '::1', proxyProtocol: world.newestProxy })
    const mixed = await world.frontend({ group: 'mixed' })
    const backend = await startTcpBackend('six', { address: '::1', port: targetPort })
    try {
      const both = { ...groups, mixed: [{ name: 'six', address: '::1' }, targets.a] }
      await engine.apply(stateOf(both, v6, mixed), signal)
      const asked = await askTcp(v6)
      assert.equal(asked.client, asked.from)
      assert.deepEqual(await whoServes(mixed), ['a', 'six'])
      const changed = { ...groups, mixed: [targets.b, { name: 'six', address: '::1' }] }
      await engine.apply(stateOf(changed, v6, mixed), signal)
      assert.deepEqual(await whoServes(mixed), ['b', 'six'])
      // `::` and the ports of IPv4 are not the same socket.
      const port = await freePort('127.0.0.1')
      const wild = { ...v6, address: '2001:db8::7', port }
      const state = stateOf(groups, wild)
      await engine.apply({ ...state, frontends: [bind(wild, '::')] }, signal)
      assert.match(await whoIs({ address: '::1', port }), /[ab]/)
      assert.equal(await isOpen({ address: '127.0.0.1', port }), false)
    } finally {
      await backend.close()
    }
  },
}
