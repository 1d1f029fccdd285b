/** The part of the suite about what is not ours. */
import assert from 'node:assert/strict'
import { frontendKey } from '../../src/model/table.ts'
import { isOpen, startLongTransfer, whoServes } from './clients.ts'
import type { ContractTest } from './suite.ts'
import { contentOf, failsWith, frontend, PROD, pass, tableOf } from './tables.ts'

export const ownerTests: Readonly<Record<string, ContractTest>> = {
  'what is not ours survives everything, byte for byte': async (world) => {
    const { harness, signal, targetPort, groups } = world
    const foreign = { address: '127.0.0.6', port: await world.port() }
    await harness.addForeign(foreign, { address: '127.0.0.12', port: targetPort })
    const before = await harness.foreignText()
    assert.notEqual(before, '')
    const transfer = await startLongTransfer(foreign, signal)
    const driver = harness.driver()
    const observed = await driver.read(signal)
    assert.deepEqual(contentOf(observed.table), [])
    assert(observed.listeners.some(({ firstPort }) => firstPort === foreign.port))
    const web = frontend({ port: await world.port(), targetPort })
    for (const table of [tableOf(groups, web), tableOf(groups, { ...web, group: 'a' }), tableOf(groups)]) {
      await pass(driver, table, signal)
      assert.equal(await harness.foreignText(), before)
    }
    await harness.kill()
    await transfer.finish().catch(() => {})
    await harness.restart()
    await pass(driver, tableOf(groups, web), signal)
    assert.equal(await harness.foreignText(), before)
    assert.deepEqual(await whoServes(foreign), ['b'])
  },

  "a port of somebody else's is refused and its holder named": async (world) => {
    const { harness, signal, targetPort, groups } = world
    const foreign = { address: '127.0.0.5', port: await world.port() }
    await harness.addForeign(foreign, { address: '127.0.0.12', port: targetPort })
    const web = frontend({ port: await world.port(), targetPort })
    // Not even a dial is needed: the proxy knows it.
    const applied = await pass(
      harness.driver({ probe: false }),
      tableOf(groups, web, frontend({ ...foreign, targetPort })),
      signal,
    )
    const [refusal] = applied.refused
    assert.equal(applied.refused.length, 1)
    assert.equal(refusal?.problem.code, 'PortTaken')
    assert(refusal.problem.message.includes(String(foreign.port)))
    assert.deepEqual(await whoServes(foreign), ['b'])
    assert.deepEqual(await whoServes(web), ['a', 'b'])
  },

  'owners with similar names do not see each other': async (world) => {
    const { harness, signal, targetPort, groups } = world
    const owners = [
      PROD,
      { ...PROD, cluster: 'prod-a', uid: 'b1' },
      { ...PROD, cluster: 'pro', uid: 'c1' },
      { ...PROD, className: 'public-2' },
      { ...PROD, className: 'pub' },
    ]
    const worlds = []
    for (const owner of owners) {
      const driver = harness.driver({ owner })
      const table = tableOf(groups, frontend({ port: await world.port(), targetPort }))
      assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: true })
      worlds.push({ driver, table, served: table.frontends[0] ?? { address: '', port: 0 } })
    }
    for (const { driver, table } of worlds)
      assert.deepEqual(contentOf((await driver.read(signal)).table), contentOf(table))
    const [mine, ...others] = worlds
    assert(mine !== undefined)
    await pass(mine.driver, tableOf(groups), signal)
    assert.equal(await isOpen(mine.served), false)
    for (const { driver, table, served } of others) {
      assert.deepEqual(contentOf((await driver.read(signal)).table), contentOf(table))
      assert.deepEqual(await whoServes(served), ['a', 'b'])
    }
  },

  'an address and port of another owner is refused': async (world) => {
    const { harness, signal, targetPort, groups } = world
    const web = frontend({ port: await world.port(), targetPort, group: 'a' })
    await pass(harness.driver(), tableOf(groups, web), signal)
    const other = harness.driver({ owner: { ...PROD, cluster: 'prod-a', uid: 'b1' } })
    const applied = await pass(other, tableOf(groups, { ...web, group: 'b' }), signal)
    assert.deepEqual(
      applied.refused.map(({ key, problem }) => `${key} ${problem.code}`),
      [`${frontendKey(web)} PortTaken`],
    )
    assert.deepEqual(await whoServes(web), ['a'])
  },

  'a copied owner is refused whole': async (world) => {
    const { harness, signal, targetPort, groups } = world
    const driver = harness.driver()
    const table = tableOf(groups, frontend({ port: await world.port(), targetPort }))
    await pass(driver, table, signal)
    const copy = harness.driver({ owner: { ...PROD, uid: 'ffffffff-0000-4000-8000-000000000000' } })
    const failure = await failsWith('OwnerConflict', () => copy.read(signal))
    assert.match(failure.problem.message, /prod\/public/)
    assert.notEqual(failure.problem.remedy, '')
    assert.deepEqual(contentOf((await driver.read(signal)).table), contentOf(table))
  },
}
