/** The part of the suite for engines about frontends that share a socket, told apart by the server name that clients of TLS greet with. */
import assert from 'node:assert/strict'
import type { Frontend } from '../../src/model/table.ts'
import { whoIs } from './engine-suite-settings.ts'
import { type EngineTest, type EngineWorld, eventually, type Groups, stateOf } from './engine-suite-world.ts'
import { askTls, openTls, type TlsManner, withTlsTargets } from './tls.ts'

/** Three on one socket: one name, a name and those one label below it, and one without hosts. Their targets have their names. */
interface Shared {
  readonly a: Frontend
  readonly b: Frontend
  readonly c: Frontend
  readonly groups: Groups
}

function hostTest(body: (world: EngineWorld, shared: Shared) => Promise<void>): EngineTest {
  return (world) =>
    withTlsTargets({ groups: {} }, async ({ targetPort, groups }) => {
      const a = await world.frontend({ targetPort, group: 'a', hosts: ['a.example'] })
      const b = { ...a, group: 'b', hosts: ['*.b.example', 'b.example'] }
      await body(world, { a, b, c: { ...a, group: 'c', hosts: [] }, groups })
    })
}

async function whoAre(to: Frontend, manner: TlsManner = {}): Promise<Readonly<Record<string, string>>> {
  const names = ['a.example', 'b.example', 'www.b.example', 'x.www.b.example', 'other.example', '']
  const found = names.map(async (name) => [name, await whoAnswers(to, name, manner)] as const)
  return Object.fromEntries(await Promise.all(found))
}

async function whoAnswers(to: Frontend, servername: string, manner: TlsManner = {}): Promise<string> {
  return askTls(to, servername, manner).then(
    ({ name }) => name,
    () => 'nobody',
  )
}

const ALL = {
  'a.example': 'a',
  'b.example': 'b',
  'www.b.example': 'b',
  // A wildcard stands for one label.
  'x.www.b.example': 'c',
  'other.example': 'c',
  '': 'c',
}

export const hostTests: Readonly<Record<string, EngineTest>> = {
  'frontends on one socket are told apart by server name': hostTest(async (world, { a, b, c, groups }) => {
    const { engine, signal } = world
    const state = stateOf(groups, a, { ...b, proxyProtocol: world.newestProxy }, c)
    assert.deepEqual((await engine.apply(state, signal)).refused, [])
    assert.deepEqual(await whoAre(a), ALL)
    assert.deepEqual(await whoAre(a, { inTwo: true }), ALL)
    assert.equal(await whoAnswers(a, 'A.Example'), 'a')
    // Those who speak no TLS get what has no hosts.
    assert.equal(await whoIs(a), 'c')
    const seen = await askTls(a, 'b.example')
    assert.equal(seen.client, seen.from)
    assert.equal((await engine.apply(state, signal)).how, 'nothing')
  }),
  'names that nobody has, and clients without TLS, are closed': hostTest(async (world, { a, b, groups }) => {
    const { engine, signal } = world
    await engine.apply(stateOf(groups, a, b), signal)
    assert.deepEqual(await whoAre(a), { ...ALL, 'x.www.b.example': 'nobody', 'other.example': 'nobody', '': 'nobody' })
    assert.equal(await whoIs(a), 'nobody')
    await engine.apply(stateOf(groups, b), signal)
    assert.equal(await whoAnswers(a, 'a.example'), 'nobody')
    assert.equal(await whoAnswers(a, 'b.example'), 'b')
  }),
  'each of those on a socket has its own sources, limit and target port': hostTest(
    async (world, { a, b, c, groups }) => {
      const { engine, signal, clients } = world
      const [near, far] = clients
      const limits = engine.capabilities.TCP?.maxConnections === true
      const limited = { ...b, maxConnections: limits ? 2 : undefined }
      const strict = { ...c, sourceRanges: [`${far}/32`] }
      await engine.apply(stateOf(groups, { ...a, sourceRanges: [`${near}/32`] }, limited, strict), signal)
      assert.equal(await whoAnswers(a, 'a.example', { localAddress: near }), 'a')
      assert.equal(await whoAnswers(a, 'a.example', { localAddress: far }), 'nobody')
      assert.equal(await whoAnswers(a, 'other.example', { localAddress: near }), 'nobody')
      assert.equal(await whoAnswers(a, 'other.example', { localAddress: far }), 'c')
      if (!limits) return
      const open = [await openTls(b, 'b.example'), await openTls(b, 'www.b.example')]
      assert.equal(await whoAnswers(b, 'b.example'), 'nobody')
      assert.equal(await whoAnswers(a, 'a.example', { localAddress: near }), 'a')
      for (const socket of open) socket.destroy()
      await eventually('there is room again', async () => (await whoAnswers(b, 'b.example')) === 'b', signal)
    },
  ),
}
