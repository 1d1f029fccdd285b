/** The part of the suite in which something goes wrong. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { FairwayError } from '../../src/model/problems.ts'
import { type Frontend, frontendKey, type Table } from '../../src/model/table.ts'
import { startTcpBackend } from './backends.ts'
import { askTcp, isOpen, startLongTransfer, whoServes } from './clients.ts'
import { local } from './net.ts'
import type { ContractTest } from './suite.ts'
import { contentOf, failsWith, frontend, leftOver, pass, planFor, tableOf, tcpCheck } from './tables.ts'
import { eventually, type World } from './world.ts'

/** A write that was aborted while the proxy was at it shows within this time. */
const LATE_WRITES_MS = 1_500

async function several(world: World, count: number): Promise<readonly Frontend[]> {
  const ports = await Promise.all(Array.from({ length: count }, () => world.port()))
  return [...new Set(ports)].map((port) => frontend({ port, targetPort: world.targetPort }))
}

/** That no socket is open which the configuration does not have: what a failed change may leave behind. */
export async function nothingLeaks({ harness, signal }: World): Promise<void> {
  const same = async () => (await harness.openSockets()).join() === (await harness.configuredSockets()).join()
  await eventually('the open sockets are those of the configuration', same, signal).catch(() => {})
  assert.deepEqual(await harness.openSockets(), await harness.configuredSockets())
}

export const hardTests: Readonly<Record<string, ContractTest>> = {
  'what the proxy cannot do is refused by code, for that frontend alone': async (world) => {
    const { harness, can, signal, targetPort, groups } = world
    const driver = harness.driver()
    const good = frontend({ port: await world.port(), targetPort })
    const wishes: readonly (readonly [can: boolean | undefined, Partial<Frontend>])[] = [
      [can.TCP?.balance.includes('least-connections'), { balance: 'least-connections' }],
      [can.TCP?.affinityTimeout, { balance: 'source', affinityMs: 600_000 }],
      [can.TCP?.healthCheck.includes('http'), { healthCheck: tcpCheck({ kind: 'http' }) }],
      [can.TCP?.checkPort, { healthCheck: tcpCheck({ port: 10_256 }) }],
      [can.TCP?.checkThresholds, { healthCheck: tcpCheck({ rise: 7 }) }],
      [can.TCP?.maxConnections, { maxConnections: 5 }],
      [can.TCP?.idleTimeout, { idleTimeoutMs: 60_000 }],
      [can.TCP?.sourceRanges, { sourceRanges: ['192.0.2.0/24'] }],
      [can.TCP?.hosts, { hosts: ['a.example'] }],
      [can.UDP !== undefined, { protocol: 'UDP' }],
      [can.UDP?.proxyProtocol.includes('v1'), { protocol: 'UDP', proxyProtocol: 'v1' }],
    ]
    const impossible: Frontend[] = []
    for (const [isPossible, wish] of wishes) {
      if (isPossible !== true) impossible.push(frontend({ port: await world.port(), targetPort, ...wish }))
    }
    const applied = await pass(driver, tableOf(groups, good, ...impossible), signal)
    assert.deepEqual(applied.refused.map(({ key }) => key).toSorted(), impossible.map(frontendKey).toSorted())
    for (const { problem } of applied.refused) {
      assert(['ProtocolUnsupported', 'Unsupported'].includes(problem.code), problem.code)
      assert.equal(problem.kind, 'unsupported')
      assert.notEqual(problem.remedy, '')
    }
    assert.deepEqual(await whoServes(good), ['a', 'b'])
  },

  'targets that are no addresses get nowhere': async (world) => {
    const { harness, signal, targetPort, groups } = world
    const good = frontend({ port: await world.port(), targetPort })
    const evil = { evil: [{ name: 'x', address: '{env.HOME}' }], bad: [{ name: 'y', address: 'foo;bar' }] }
    const others = [
      frontend({ port: await world.port(), targetPort, group: 'evil' }),
      frontend({ port: await world.port(), targetPort, group: 'bad' }),
    ]
    const applied = await pass(harness.driver(), tableOf({ ...groups, ...evil }, good, ...others), signal)
    assert.deepEqual(
      applied.refused.map(({ problem }) => problem.code),
      ['TargetRefused', 'TargetRefused'],
    )
    assert.deepEqual(await whoServes(good), ['a', 'b'])
  },

  'a rejected configuration leaves the one before serving': async (world) => {
    const { harness, signal, groups } = world
    const driver = harness.driver()
    const [web, other] = await several(world, 2)
    assert(web !== undefined && other !== undefined)
    await pass(driver, tableOf(groups, web), signal)
    const transfer = await startLongTransfer(web, signal)
    const restore = await harness.rejectAll()
    const failure = await failsWith('ProxyRejected', () => pass(driver, tableOf(groups, web, other), signal))
    assert.notEqual(failure.problem.remedy, '')
    assert.deepEqual(await whoServes(web), ['a', 'b'])
    assert.equal(await isOpen(other), false)
    assert.deepEqual(contentOf((await driver.read(signal)).table), contentOf(tableOf(groups, web)))
    await restore()
    assert.deepEqual(await pass(driver, tableOf(groups, web, other), signal), { refused: [], wrote: true })
    assert.deepEqual(await whoServes(other), ['a', 'b'])
    await transfer.finish()
    await nothingLeaks(world)
  },

  'a port that another process holds harms nobody else': async (world) => {
    const { harness, signal, groups } = world
    const driver = harness.driver()
    const [web, taken, other] = await several(world, 3)
    assert(web !== undefined && taken !== undefined && other !== undefined)
    await pass(driver, tableOf(groups, web), signal)
    const transfer = await startLongTransfer(web, signal)
    const intruder = await startTcpBackend('intruder', taken)
    try {
      const table = tableOf(groups, web, taken, other)
      const applied = await pass(driver, table, signal)
      assert.deepEqual(
        applied.refused.map(({ key, problem }) => `${key} ${problem.code}`),
        [`${frontendKey(taken)} PortTaken`],
      )
      assert.deepEqual(await whoServes(other), ['a', 'b'])
      assert.deepEqual(await whoServes(taken), ['intruder'])
      // Again and again, as an operator does: the same words, and no write.
      const writes = await harness.writes()
      assert.deepEqual(await pass(driver, table, signal), { refused: applied.refused, wrote: false })
      assert.equal(await harness.writes(), writes)
      await nothingLeaks(world)
      await intruder.close()
      const isFree = async () => (await pass(driver, table, signal)).refused.length === 0
      await eventually('the port is picked up', isFree, signal)
      assert.deepEqual(await whoServes(taken), ['a', 'b'])
      await transfer.finish()
    } finally {
      await intruder.close()
    }
  },

  'a kill and a restart lose nothing': async (world) => {
    const { harness, signal, groups } = world
    const driver = harness.driver()
    const table = tableOf(groups, ...(await several(world, 3)))
    await pass(driver, table, signal)
    const before = await driver.read(signal)
    await harness.kill()
    const failure = await failsWith('ProxyUnreachable', () => driver.read(signal))
    assert.equal(failure.problem.kind, 'transient')
    await harness.restart()
    const after = await driver.read(signal)
    // What else listens on this machine is not the proxy's to keep.
    assert.deepEqual({ ...after, listeners: [] }, { ...before, listeners: [] })
    assert.deepEqual(await leftOver(driver, table, signal), [])
    for (const one of table.frontends) assert.deepEqual(await whoServes(one), ['a', 'b'])
  },

  'an apply that is aborted leaves the old or the new, never a mixture': async (world) => {
    const { harness, signal, groups } = world
    const driver = harness.driver()
    const [first, ...rest] = await several(world, 12)
    assert(first !== undefined)
    const tables: readonly [Table, Table] = [tableOf(groups, first), tableOf(groups, first, ...rest)]
    await pass(driver, tables[0], signal)
    const transfer = await startLongTransfer(first, signal)
    for (let round = 0; round < 8; round++) {
      const plan = await planFor(driver, tables[round % 2 === 0 ? 1 : 0], signal)
      const abort = new AbortController()
      const applying = driver.apply(plan, abort.signal).catch((error: unknown) => error)
      await sleep(round * 3)
      abort.abort(new Error('stop'))
      const outcome = await applying
      // The write that was aborted before may have come in between.
      const isRaced = outcome instanceof FairwayError && outcome.problem.code === 'RevisionConflict'
      assert(!(outcome instanceof Error) || isRaced || outcome.message === 'stop', String(outcome))
      const count = contentOf((await driver.read(signal)).table).length
      assert([1, 1 + rest.length].includes(count), `${count} frontends`)
      assert.match((await askTcp(first)).name, /^[ab]$/)
    }
    // What was aborted may still be carried out behind our back: then the next pass is one more.
    let since = Number.POSITIVE_INFINITY
    await eventually(
      'the table is served, and stays so',
      async () => {
        await pass(driver, tables[1], signal).catch(() => {})
        const isThere = (await leftOver(driver, tables[1], signal)).length === 0
        since = isThere ? Math.min(since, performance.now()) : Number.POSITIVE_INFINITY
        return performance.now() - since > LATE_WRITES_MS
      },
      signal,
    )
    for (const one of tables[1].frontends) assert.deepEqual(await whoServes(one), ['a', 'b'])
    await transfer.finish()
    await nothingLeaks(world)
  },

  'an edit by hand is found and put right': async (world) => {
    const { harness, signal, groups, targetPort } = world
    const driver = harness.driver()
    const [web, other] = await several(world, 2)
    assert(web !== undefined && other !== undefined)
    const table = tableOf(groups, web, other)
    await pass(driver, table, signal)
    await harness.edit(frontendKey(web), { address: local(12), port: targetPort })
    await eventually('the edit shows', async () => (await whoServes(web)).join() === 'b', signal)
    const left = await leftOver(driver, table, signal)
    assert.equal(left.length, 1)
    assert.match(left[0] ?? '', new RegExp(`${frontendKey(web)}$`))
    assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: true })
    assert.deepEqual(await whoServes(web), ['a', 'b'])
    assert.deepEqual(await leftOver(driver, table, signal), [])
  },

  'a race that is lost is transient, and the next pass wins': async (world) => {
    const { harness, signal, groups } = world
    const [one, two] = [harness.driver(), harness.driver()]
    const [web, other] = await several(world, 2)
    assert(web !== undefined && other !== undefined)
    const plan = await planFor(one, tableOf(groups, web), signal)
    await pass(two, tableOf(groups, other), signal)
    const failure = await failsWith('RevisionConflict', () => one.apply(plan, signal))
    assert.equal(failure.problem.kind, 'transient')
    assert.equal(await isOpen(web), false)
    await pass(one, tableOf(groups, web), signal)
    assert.deepEqual(await whoServes(web), ['a', 'b'])
    assert.equal(await isOpen(other), false)
  },
}
