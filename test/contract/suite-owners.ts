/** The part of the suite about what is not ours. */
import assert from 'node:assert/strict'
import type { Sibling } from '../../src/model/driver.ts'
import { compareText, frontendKey } from '../../src/model/table.ts'
import { diffTables } from '../../src/plan/diff.ts'
import { isOpen, startLongTransfer, whoServes } from './clients.ts'
import { local } from './net.ts'
import type { ContractTest } from './suite.ts'
import { nothingLeaks } from './suite-failures.ts'
import { contentOf, failsWith, frontend, PROD, pass, tableOf } from './tables.ts'
import { eventually } from './world.ts'

function byKey(one: Sibling, other: Sibling): number {
  return compareText(one.key, other.key)
}

export const ownerTests: Readonly<Record<string, ContractTest>> = {
  'what is not ours survives everything, byte for byte': async (world) => {
    const { harness, signal, targetPort, groups } = world
    const foreign = { address: local(6), port: await world.port() }
    await harness.addForeign(foreign, { address: local(12), port: targetPort })
    const before = await harness.foreignText()
    assert.notEqual(before, '')
    const transfer = await startLongTransfer(foreign, signal)
    const driver = harness.driver()
    const observed = await driver.read(signal)
    assert.deepEqual(contentOf(observed.table), [])
    const isTold = async () => (await driver.read(signal)).listeners.some(({ firstPort }) => firstPort === foreign.port)
    await eventually('the proxy tells of it', isTold, signal)
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
    const foreign = { address: local(5), port: await world.port() }
    await harness.addForeign(foreign, { address: local(12), port: targetPort })
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

  'other classes of our cluster are listed, and removed where nobody accounts for them': async (world) => {
    const { harness, can, signal, targetPort, groups } = world
    const old = harness.driver({ owner: { ...PROD, className: 'old' } })
    const [web, mail] = [
      frontend({ port: await world.port(), targetPort, group: 'a' }),
      frontend({ port: await world.port(), targetPort, group: 'a' }),
    ]
    const named = can.TCP?.hosts === true ? [{ ...web, hosts: ['a.example'] }] : []
    await pass(old, tableOf(groups, web, mail, ...named), signal)
    const stranger = harness.driver({ owner: { ...PROD, cluster: 'prod-a', uid: 'b1' } })
    await pass(stranger, tableOf(groups, frontend({ port: await world.port(), targetPort })), signal)

    const driver = harness.driver()
    const observed = await driver.read(signal)
    assert.deepEqual(contentOf(observed.table), [])
    const siblings = [web, mail, ...named].map((one) => ({ className: 'old', key: frontendKey(one) }))
    assert.deepEqual(observed.siblings.toSorted(byKey), siblings.toSorted(byKey))

    // One alone, with nothing else to do.
    const [strayMail, strayWeb] = [
      siblings.filter(({ key }) => key === frontendKey(mail)),
      siblings.filter(({ key }) => key !== frontendKey(mail)),
    ]
    const transfer = await startLongTransfer(web, signal)
    assert.equal((await driver.apply(diffTables(observed, tableOf(groups), new Set(), strayMail), signal)).wrote, true)
    assert.equal(await isOpen(mail), false)
    assert.deepEqual((await driver.read(signal)).siblings.toSorted(byKey), strayWeb.toSorted(byKey))
    await transfer.finish()

    // The others with something else in their place.
    const table = tableOf(groups, { ...web, group: 'b' })
    const taken = await pass(driver, table, signal)
    assert.deepEqual(
      taken.refused.map(({ problem }) => problem.code),
      ['PortTaken'],
    )
    const plan = diffTables(await driver.read(signal), table, new Set(), strayWeb)
    assert.deepEqual(await driver.apply(plan, signal), { refused: [], wrote: true })
    assert.deepEqual(await whoServes(web), ['b'])
    assert.deepEqual((await driver.read(signal)).siblings, [])
    assert.deepEqual(contentOf((await old.read(signal)).table), [])
    assert.equal((await stranger.read(signal)).table.frontends.length, 1)
    await nothingLeaks(world)
  },
}
