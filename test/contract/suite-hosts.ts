/** The part of the suite about Services that share a socket, told apart by the server name (SNI) that clients of TLS send. */
import assert from 'node:assert/strict'
import { type Frontend, frontendKey } from '../../src/model/table.ts'
import { diffTables } from '../../src/plan/diff.ts'
import { askTcp, startLongTransfer } from './clients.ts'
import { local } from './net.ts'
import type { ContractTest } from './suite.ts'
import { contentOf, frontend, type Groups, leftOver, pass, tableOf } from './tables.ts'
import { askTls, openTls, type TlsManner, type TlsTargets, withTlsTargets } from './tls.ts'
import { eventually, type World } from './world.ts'

/** Three on one socket: one name, a name and those one label below it, and one without hosts. Their targets have their names. */
interface Shared {
  readonly a: Frontend
  readonly b: Frontend
  readonly c: Frontend
  readonly groups: Groups
}

function hostTest(body: (world: World, shared: Shared) => Promise<void>): ContractTest {
  return (world) =>
    withTlsTargets(world, async ({ targetPort, groups }: TlsTargets) => {
      const port = await world.port()
      const a = frontend({ port, targetPort, group: 'a', hosts: ['a.example'] })
      const b = frontend({ port, targetPort, group: 'b', hosts: ['*.b.example', 'b.example'] })
      const c = frontend({ port, targetPort, group: 'c' })
      await body(world, { a, b, c, groups })
    })
}

/** Who answers to a name: the target's name, or `nobody`. */
async function whoIs(at: Frontend, servername: string, manner: TlsManner = {}): Promise<string> {
  return askTls(at, servername, manner).then(
    ({ name }) => name,
    () => 'nobody',
  )
}

async function whoAre(at: Frontend, manner: TlsManner = {}): Promise<Readonly<Record<string, string>>> {
  const names = ['a.example', 'b.example', 'www.b.example', 'x.www.b.example', 'other.example', '']
  const found = await Promise.all(names.map(async (name) => [name, await whoIs(at, name, manner)] as const))
  return Object.fromEntries(found)
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

export const hostTests: Readonly<Record<string, ContractTest>> = {
  'Services on one socket are told apart by server name': hostTest(async (world, { a, b, c, groups }) => {
    const { harness, signal } = world
    const driver = harness.driver()
    const table = tableOf(groups, a, { ...b, proxyProtocol: 'v2' }, c)
    assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: true })
    assert.deepEqual(await whoAre(a), ALL)
    assert.deepEqual(await whoAre(a, { inTwo: true }), ALL)
    assert.equal(await whoIs(a, 'A.Example'), 'a')
    // Whoever does not speak TLS names nobody.
    assert.equal((await askTcp(a)).name, 'c')
    const asked = await askTls(b, 'b.example')
    assert.equal(asked.client, asked.from)
    assert.deepEqual(contentOf((await driver.read(signal)).table), contentOf(table))
    const writes = await harness.writes()
    assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: false })
    assert.equal(await harness.writes(), writes)
  }),

  'without a Service for the rest, other names are turned away': hostTest(async (world, { a, b, c, groups }) => {
    const { harness, signal } = world
    const driver = harness.driver()
    await pass(driver, tableOf(groups, a, b), signal)
    const nobody = { 'x.www.b.example': 'nobody', 'other.example': 'nobody', '': 'nobody' }
    assert.deepEqual(await whoAre(a), { ...ALL, ...nobody })
    await assert.rejects(askTcp(a))
    await pass(driver, tableOf(groups, a, b, c), signal)
    assert.deepEqual(await whoAre(a), ALL)
  }),

  'one of several on a socket comes, changes and goes; the others and their connections stay': hostTest(
    async (world, { a, b, c, groups }) => {
      const { harness, signal } = world
      const driver = harness.driver()
      await pass(driver, tableOf(groups, a, c), signal)
      const transfers = [
        await startLongTransfer(a, signal, await openTls(a, 'a.example')),
        await startLongTransfer(c, signal, await openTls(c, 'other.example')),
        await startLongTransfer(c, signal),
      ]
      assert.equal(await whoIs(b, 'www.b.example'), 'c')
      for (const [served, expected] of [
        [b, 'b'],
        [{ ...b, group: 'a' }, 'a'],
        [undefined, 'c'],
      ] as const) {
        await pass(driver, tableOf(groups, a, c, ...(served === undefined ? [] : [served])), signal)
        const shows = async () => (await whoIs(b, 'www.b.example')) === expected
        await eventually(`${expected} answers for www.b.example`, shows, signal)
        assert.equal(await whoIs(a, 'a.example'), 'a')
        assert.equal(await whoIs(a, 'other.example'), 'c')
      }
      for (const transfer of transfers) assert((await transfer.finish()) > 0)
      await pass(driver, tableOf(groups), signal)
      assert.equal(await whoIs(a, 'a.example'), 'nobody')
    },
  ),

  'source ranges are those of the Service that a client names': hostTest(async (world, { a, b, c, groups }) => {
    const { harness, signal } = world
    const [near, far] = [{ localAddress: local(8) }, { localAddress: local(9) }]
    const driver = harness.driver()
    const table = tableOf(groups, { ...a, sourceRanges: [`${local(9)}/32`] }, b, {
      ...c,
      sourceRanges: [`${local(8)}/32`, '192.0.2.0/24'],
    })
    assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: true })
    const others = { 'x.www.b.example': 'nobody', 'other.example': 'nobody', '': 'nobody' }
    for (const inTwo of [false, true]) {
      // Whom the one turns away, the one for the rest does not get.
      assert.deepEqual(await whoAre(a, { ...near, inTwo }), { ...ALL, 'a.example': 'nobody' })
      assert.deepEqual(await whoAre(a, { ...far, inTwo }), { ...ALL, ...others })
    }
    assert.equal((await askTcp(a, near.localAddress)).name, 'c')
    await assert.rejects(askTcp(a, far.localAddress))
    assert.deepEqual(contentOf((await driver.read(signal)).table), contentOf(table))
  }),

  'one of several on a socket is kept, though the table lacks it': hostTest(async (world, { a, b, c, groups }) => {
    const { harness, signal } = world
    const driver = harness.driver()
    await pass(driver, tableOf(groups, a, b), signal)
    const keep = new Set([frontendKey(a)])
    for (const table of [tableOf(groups, { ...b, group: 'c' }, c), tableOf(groups)]) {
      const plan = diffTables(await driver.read(signal), table, keep)
      assert.deepEqual(await driver.apply(plan, signal), { refused: [], wrote: true })
      assert.equal(await whoIs(a, 'a.example'), 'a')
      assert.equal(await whoIs(a, 'b.example'), table.frontends.length === 0 ? 'nobody' : 'c')
      assert.deepEqual(await leftOver(driver, table, signal), [`remove ${frontendKey(a)}`])
    }
  }),

  'an edit of one of several on a socket is found and put right': hostTest(async (world, { a, b, c, groups }) => {
    const { harness, signal } = world
    const driver = harness.driver()
    const table = tableOf(groups, a, b, c)
    await pass(driver, table, signal)
    await harness.edit(frontendKey(b), { address: local(11), port: b.targetPort })
    await eventually('the edit shows', async () => (await whoIs(b, 'b.example')) === 'a', signal)
    const left = await leftOver(driver, table, signal)
    assert.deepEqual(
      left.map((line) => line.split(' ')[1]),
      [frontendKey(b)],
    )
    assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: true })
    assert.deepEqual(await whoAre(a), ALL)
    assert.deepEqual(await leftOver(driver, table, signal), [])
  }),

  'a kill and a restart lose no names': hostTest(async (world, { a, b, c, groups }) => {
    const { harness, signal } = world
    const driver = harness.driver()
    const table = tableOf(groups, a, b, c)
    await pass(driver, table, signal)
    await harness.kill()
    await harness.restart()
    assert.deepEqual(await leftOver(driver, table, signal), [])
    assert.deepEqual(await whoAre(a), ALL)
  }),
}
