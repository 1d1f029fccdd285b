/** The `webhook` driver with the real adnanh/webhook, a script and HAProxy. */
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { frontendKey } from '../../src/model/table.ts'
import { diffTables } from '../../src/plan/diff.ts'
import { askTcp, isOpen, startLongTransfer, whoServes } from './clients.ts'
import { local } from './net.ts'
import { WEBHOOK_SKIPS } from './skips.ts'
import { driverContract } from './suite.ts'
import { contentOf, failsWith, frontend, leftOver, pass, tableOf } from './tables.ts'
import { startWebhookSite, type WebhookHarness } from './webhook-harness.ts'
import { NO_SITE, type SiteWishes } from './webhook-site.ts'
import { inWorld, type World } from './world.ts'

driverContract({
  name: 'webhook',
  start: () => startWebhookSite(),
  skip: NO_SITE,
  skips: WEBHOOK_SKIPS,
})

/** Runs a test on a machine of its own. */
async function onSite(
  wishes: Partial<SiteWishes>,
  body: (harness: WebhookHarness, world: World) => Promise<void>,
): Promise<void> {
  let harness: WebhookHarness | undefined
  const start = async () => (harness = await startWebhookSite(wishes))
  await inWorld({ name: 'webhook', start }, (world) => body(harness ?? assert.fail('no harness'), world))
}

describe('webhook', { skip: NO_SITE ?? false }, () => {
  test('add, change, the same again, delete', async () => {
    await onSite({}, async ({ site, driver: create }, world) => {
      const { signal, targetPort, groups } = world
      const driver = create()
      const [web, mail] = [
        frontend({ port: await world.port(), targetPort, group: 'a' }),
        frontend({ port: await world.port(), targetPort, group: 'b', balance: 'source' }),
      ]
      const table = tableOf(groups, web, mail)
      assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: true })
      assert.deepEqual(await whoServes(web), ['a'])
      assert.deepEqual(await whoServes(mail), ['b'])
      assert.deepEqual(contentOf((await driver.read(signal)).table), contentOf(table))
      assert.deepEqual(await leftOver(driver, table, signal), [])
      assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: false })
      const transfer = await startLongTransfer(mail, signal)
      await pass(driver, tableOf(groups, { ...web, group: 'b' }, mail), signal)
      assert.deepEqual(await whoServes(web), ['b'])
      await pass(driver, tableOf(groups, mail), signal)
      assert.equal(await isOpen(web), false)
      assert((await transfer.finish()) > 0)
      const seen = [`add ${web.port}`, `add ${mail.port}`].toSorted()
      const runs = await site.runs()
      assert.deepEqual(runs.slice(0, 2).toSorted(), seen)
      assert.deepEqual(runs.slice(2), [`add ${web.port}`, `delete ${web.port}`])
    })
  })

  test('one target of several has a port, the next takes its place, and both are named', async () => {
    await onSite({}, async ({ site, driver: create }, world) => {
      const { signal, targetPort, groups } = world
      const driver = create()
      const web = frontend({ port: await world.port(), targetPort })
      await pass(driver, tableOf(groups, web), signal)
      const [first = ''] = await whoServes(web)
      const next = first === 'a' ? 'b' : 'a'
      const [notice] = (await driver.read(signal)).notices
      const named = (name: string) => `${name} (${groups[name]?.[0]?.address})`
      assert.equal(notice?.problem.code, 'SingleTarget')
      assert.ok(
        notice.problem.message.includes(` leads to ${named(first)} alone, and to ${named(next)} once that is gone`),
      )
      // Whoever comes besides changes nothing.
      const more = { name: 'c', address: '192.0.2.1' }
      const calls = (await site.runs()).length
      await pass(driver, tableOf({ ...groups, both: [...(groups['both'] ?? []), more] }, web), signal)
      if ((await site.runs()).length === calls) assert.deepEqual(await whoServes(web), [first])
      await pass(driver, tableOf({ ...groups, both: groups[next] ?? [] }, web), signal)
      assert.deepEqual(await whoServes(web), [next])
      assert.deepEqual((await driver.read(signal)).notices, [])
    })
  })

  test('another operator sends all of it again, and closes what Services held and want no more', async () => {
    await onSite({}, async ({ site, driver: create }, world) => {
      const { signal, targetPort, groups } = world
      const [web, mail, old] = [
        frontend({ port: await world.port(), targetPort, group: 'a' }),
        frontend({ port: await world.port(), targetPort, group: 'b' }),
        frontend({ port: await world.port(), targetPort, group: 'a' }),
      ]
      await pass(create(), tableOf(groups, web, mail, old), signal)
      const before = (await site.runs()).length
      const held = new Set([web, mail, old].map(frontendKey))
      const successor = create()
      successor.recall?.(held)
      const observed = await successor.read(signal)
      assert.deepEqual([...observed.drifted].toSorted(), [...held].toSorted())
      const { wrote } = await successor.apply(diffTables(observed, tableOf(groups, web, mail)), signal)
      assert.equal(wrote, true)
      const runs = (await site.runs()).slice(before)
      assert.equal(runs[0], `delete ${old.port}`)
      assert.deepEqual(runs.slice(1).toSorted(), [`add ${web.port}`, `add ${mail.port}`].toSorted())
      assert.equal(await isOpen(old), false)
      assert.deepEqual(await whoServes(web), ['a'])
      // The record of the old one is still there until its Service is let go.
      successor.recall?.(held)
      assert.deepEqual(await leftOver(successor, tableOf(groups, web, mail), signal), [])
    })
  })

  test('a wrong token is told although the answer is 200, and nothing is called', async () => {
    await onSite({ secure: true }, async ({ site, driver: create }, world) => {
      const { signal, targetPort, groups } = world
      await writeFile(join(site.dir, 'wrong'), 'nonsense')
      const table = tableOf(groups, frontend({ port: await world.port(), targetPort, group: 'a' }))
      const tokenFile = join(site.dir, 'wrong')
      const driver = create({ tokenFile })
      const failure = await failsWith('ProxyUnauthorized', () => pass(driver, table, signal))
      assert.match(failure.problem.message, /Hook rules were not satisfied/)
      assert.deepEqual(await site.runs(), [])
      assert.deepEqual((await driver.read(signal)).table.frontends, [])
      // The Secret is corrected.
      await writeFile(tokenFile, 'ilovecheese\n')
      assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: true })
      const url = site.url.replace('update-haproxy', 'update-nginx')
      const lost = await failsWith('ProxyRejected', () => pass(create({ url }), table, signal))
      assert.match(lost.problem.message, /has no such hook$/)
    })
  })

  test('a machine that is away is told, and gets all of it when it is back', async () => {
    await onSite({}, async ({ site, driver: create }, world) => {
      const { signal, targetPort, groups } = world
      const driver = create()
      const web = frontend({ port: await world.port(), targetPort, group: 'a' })
      await pass(driver, tableOf(groups, web), signal)
      await site.kill()
      await failsWith('ProxyUnreachable', () => driver.read(signal))
      await site.restart()
      // What the script wrote is there after a restart of the machine.
      assert.deepEqual(await whoServes(web), ['a'])
      await pass(driver, tableOf(groups, { ...web, group: 'b' }), signal)
      assert.deepEqual(await whoServes(web), ['b'])
    })
  })

  test('everything is sent again when its time has come, which mends what was lost there', async () => {
    await onSite({}, async ({ site, driver: create }, world) => {
      const { signal, targetPort, groups } = world
      const driver = create({ resendMs: 1 })
      const web = frontend({ port: await world.port(), targetPort, group: 'a' })
      const table = tableOf(groups, web)
      await pass(driver, table, signal)
      await rm(join(site.dir, `pieces/${web.port}.cfg`))
      assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: true })
      assert.ok((await site.piece(web.port))?.includes('prod.public'))
    })
  })

  test('the PROXY header is sent where the script knows it', async () => {
    await onSite({}, async ({ driver: create }, world) => {
      const { signal, targetPort, groups } = world
      const web = frontend({ port: await world.port(), targetPort, group: 'a', proxyProtocol: 'v1' })
      await pass(create(), tableOf(groups, web), signal)
      const asked = await askTcp(web)
      assert.equal(asked.client, asked.from)
    })
    await onSite({ sendProxy: false }, async ({ driver: create }, world) => {
      const { signal, targetPort, groups } = world
      const driver = create({ sendProxy: 'off' })
      const web = frontend({ port: await world.port(), targetPort, group: 'a' })
      await pass(driver, tableOf(groups, web), signal)
      assert.equal((await askTcp(web)).client, undefined)
      const { refused } = await pass(driver, tableOf(groups, { ...web, proxyProtocol: 'v1' }), signal)
      assert.deepEqual(
        refused.map(({ problem }) => problem.code),
        ['Unsupported'],
      )
    })
  })

  test('a script that fails is told for its frontend alone where webhook tells it', async () => {
    await onSite({ output: true }, async ({ site, driver: create }, world) => {
      const { signal, targetPort, groups } = world
      const driver = create({ spacingMs: 0 })
      const [bad, good] = [
        frontend({ port: await world.port(), targetPort, group: 'a' }),
        frontend({ port: await world.port(), targetPort, group: 'b' }),
      ]
      // What somebody has left there cannot be written to.
      await writeFile(join(site.dir, 'update-haproxy.sh'), failsOn(bad.port))
      const { refused } = await pass(driver, tableOf(groups, bad, good), signal)
      assert.deepEqual(
        refused.map(({ key, problem }) => `${key} ${problem.code}`),
        [`${frontendKey(bad)} ProxyRejected`],
      )
      assert.equal((await driver.read(signal)).refused.length, 1)
      assert.deepEqual(await leftOver(driver, tableOf(groups, bad, good), signal), [`update ${frontendKey(bad)}`])
    })
  })

  test('two addresses cannot share a port: the first one keeps it', async () => {
    await onSite({}, async ({ driver: create }, world) => {
      const { signal, targetPort, groups } = world
      const driver = create()
      const web = frontend({ port: await world.port(), targetPort, group: 'b' })
      await pass(driver, tableOf(groups, web), signal)
      const other = { ...web, address: local(4), group: 'a' }
      const { refused, wrote } = await pass(driver, tableOf(groups, other, web), signal)
      assert.deepEqual(
        refused.map(({ key, problem }) => `${key} ${problem.code}`),
        [`${frontendKey(other)} PortTaken`],
      )
      assert.equal(wrote, false)
      assert.deepEqual(await whoServes(web), ['b'])
      // The address changes: the port is led elsewhere, and never closed.
      assert.deepEqual(await pass(driver, tableOf(groups, other), signal), { refused: [], wrote: true })
      assert.deepEqual(await whoServes(web), ['a'])
    })
  })
})

function failsOn(port: number): string {
  return `#!/bin/sh\necho "begin $2 $5" >> runs\necho "end $2 0" >> runs\n[ "$2" != ${port} ]\n`
}
