/**
 * What every driver must do, with a real proxy and real traffic. A kind of proxy is a harness; the tests know nothing else about it. Called once for
 * each kind, by a file of its own.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { frontendKey, withoutFrontends } from '../../src/model/table.ts'
import { freePort } from '../lab/free-port.ts'
import { startCounter } from './backends.ts'
import { askTcp, askUdp, isOpen, startLongTransfer, whoServes } from './clients.ts'
import type { HarnessKind } from './harness.ts'
import { local } from './net.ts'
import { hardTests, nothingLeaks } from './suite-failures.ts'
import { hostTests } from './suite-hosts.ts'
import { ownerTests } from './suite-owners.ts'
import { contentOf, frontend, leftOver, pass, planFor, tableOf, tcpCheck } from './tables.ts'
import { eventually, inWorld, NO_IPV6, type World } from './world.ts'

export type ContractTest = (world: World) => Promise<void>

const plainTests: Readonly<Record<string, ContractTest>> = {
  'from nothing to a table, the same again without a write, and back to nothing': async (world) => {
    const { harness, can, signal, targetPort, groups } = world
    const driver = harness.driver()
    assert.deepEqual(contentOf((await driver.read(signal)).table), [])
    const web = frontend({ port: await world.port(), targetPort })
    const idleTimeoutMs = can.UDP?.idleTimeout === true ? 5_000 : undefined
    const dns = frontend({ port: web.port, targetPort, protocol: 'UDP', idleTimeoutMs })
    const udp = can.UDP !== undefined ? [dns] : []
    const table = tableOf(groups, web, ...udp)
    assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: true })
    assert.deepEqual(await whoServes(web), ['a', 'b'])
    for (const one of udp) assert.match((await askUdp(one)).name, /^[ab]$/)
    assert.deepEqual(contentOf((await driver.read(signal)).table), contentOf(table))

    const writes = await harness.writes()
    assert.deepEqual(await leftOver(driver, table, signal), [])
    assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: false })
    assert.deepEqual(await leftOver(harness.driver(), table, signal), [])
    assert.equal(await harness.writes(), writes)

    assert.equal((await pass(driver, tableOf(groups), signal)).wrote, true)
    assert.equal(await isOpen(web), false)
    assert.deepEqual(contentOf((await driver.read(signal)).table), [])
    await nothingLeaks(world)
  },

  'a target and a frontend leave; what stays is not touched': async (world) => {
    const { harness, signal, targetPort, groups } = world
    const driver = harness.driver()
    const [web, mail, old] = await Promise.all(
      ['both', 'b', 'a'].map(async (group) => frontend({ port: await world.port(), targetPort, group })),
    )
    assert(web !== undefined && mail !== undefined && old !== undefined)
    const table = tableOf(groups, web, mail, old)
    await pass(driver, table, signal)
    const transfer = await startLongTransfer(mail, signal)
    const removed = await startLongTransfer(old, signal)

    const fewer = tableOf({ ...groups, both: groups['b'] ?? [] }, web, mail, old)
    const plan = await planFor(driver, fewer, signal)
    assert.deepEqual(
      plan.changes.map(({ kind, key }) => `${kind} ${key}`),
      [`update ${frontendKey(web)}`],
    )
    await driver.apply(plan, signal)
    assert.deepEqual(await whoServes(web), ['b'])

    await pass(driver, withoutFrontends(fewer, new Set([frontendKey(old)])), signal)
    assert.equal(await isOpen(old), false)
    assert.deepEqual(await whoServes(mail), ['b'])
    assert((await transfer.finish()) > 0)
    await removed.finish().catch(() => {})
  },

  'targets learn the client from PROXY headers': async (world) => {
    const { harness, can, signal, targetPort, groups } = world
    const driver = harness.driver()
    const [v1, v2, none] = [
      frontend({ port: await world.port(), targetPort, proxyProtocol: 'v1' }),
      frontend({ port: await world.port(), targetPort, proxyProtocol: 'v2' }),
      frontend({ port: await world.port(), targetPort }),
    ]
    const datagrams = frontend({ port: await world.port(), targetPort, proxyProtocol: 'v2', protocol: 'UDP' })
    const udp = can.UDP?.proxyProtocol.includes('v2') === true ? [datagrams] : []
    assert.deepEqual((await pass(driver, tableOf(groups, v1, v2, none, ...udp), signal)).refused, [])
    for (const one of [v1, v2]) {
      const asked = await askTcp(one)
      assert.equal(asked.client, asked.from)
    }
    assert.equal((await askTcp(v2, local(9))).client?.split(':')[0], local(9))
    assert.equal((await askTcp(none)).client, undefined)
    for (const one of udp) {
      const asked = await askUdp(one)
      assert.equal(asked.client, asked.from)
    }
  },

  'only clients in the source ranges are served': async (world) => {
    const { harness, signal, targetPort, groups } = world
    const driver = harness.driver()
    const web = frontend({ port: await world.port(), targetPort, sourceRanges: [`${local(9)}/32`, '192.0.2.0/24'] })
    await pass(driver, tableOf(groups, web), signal)
    assert.match((await askTcp(web, local(9))).name, /^[ab]$/)
    await assert.rejects(askTcp(web, local(8)))
  },

  'balance by source keeps a client at one target': async (world) => {
    const { harness, signal, targetPort, groups } = world
    const web = frontend({ port: await world.port(), targetPort, balance: 'source' })
    await pass(harness.driver(), tableOf(groups, web), signal)
    assert.equal((await whoServes(web)).length, 1)
    const names = await Promise.all(
      Array.from(
        { length: 32 },
        async (_, index) => (await askTcp(web, `127.${index}.${7 * index}.${1 + 5 * index}`)).name,
      ),
    )
    assert.deepEqual([...new Set(names)].toSorted(), ['a', 'b'])
  },

  'targets are checked as often as is asked for, and not otherwise': async (world) => {
    const { harness, can, signal, groups } = world
    const [watched, left] = [{ address: local(11), port: await freePort(local(11)) }, local(12)]
    const idle = { address: left, port: await freePort(left) }
    const [often, never] = [await startCounter(watched), await startCounter(idle)]
    try {
      // Who only connects may hang up before a target is told of it, as HAProxy does.
      const kind = can.TCP?.healthCheck.includes('http') === true ? 'http' : 'tcp'
      const check = tcpCheck({ kind, intervalMs: 200, timeoutMs: 300 })
      const table = tableOf(
        groups,
        frontend({ port: await world.port(), targetPort: watched.port, group: 'a', healthCheck: check }),
        frontend({ port: await world.port(), targetPort: idle.port, group: 'b' }),
      )
      const driver = harness.driver()
      assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: true })
      // By the default interval it would take twenty seconds.
      await eventually('five checks', async () => often.count() >= 5, signal)
      assert.equal(never.count(), 0)
      assert.deepEqual(contentOf((await driver.read(signal)).table), contentOf(table))
      const plain = { ...table, frontends: table.frontends.map((one) => ({ ...one, healthCheck: tcpCheck({ kind }) })) }
      assert.equal((await leftOver(driver, plain, signal)).length, 2)
    } finally {
      await Promise.all([often.close(), never.close()])
    }
  },

  'a frontend without targets is kept, and serves when they come': async (world) => {
    const { harness, signal, targetPort, groups } = world
    const driver = harness.driver()
    const web = frontend({
      port: await world.port(),
      targetPort,
      group: 'none',
      proxyProtocol: 'v2',
      balance: 'source',
    })
    const empty = tableOf(groups, web)
    assert.deepEqual(await pass(driver, empty, signal), { refused: [], wrote: true })
    await assert.rejects(askTcp(web))
    assert.deepEqual(contentOf((await driver.read(signal)).table), contentOf(empty))
    assert.deepEqual(await leftOver(driver, empty, signal), [])
    await pass(driver, tableOf(groups, { ...web, group: 'both' }), signal)
    assert.match((await askTcp(web)).name, /^[ab]$/)
  },

  'targets may have ports of their own': async (world) => {
    const { harness, signal, targetPort, groups } = world
    const driver = harness.driver()
    const own = groups['both']?.map((target) => ({ ...target, port: targetPort })) ?? []
    const table = tableOf({ own }, frontend({ port: await world.port(), targetPort: 9, group: 'own' }))
    await pass(driver, table, signal)
    assert.deepEqual(contentOf((await driver.read(signal)).table), contentOf(table))
    assert.deepEqual(await whoServes(table.frontends[0] ?? { address: '', port: 0 }), ['a', 'b'])
  },

  'a published address may be bound elsewhere': async (world) => {
    const { harness, signal, targetPort, groups } = world
    // An address for documentation: it is nowhere.
    const published = '203.0.113.10'
    const driver = await harness.driverBound({ [published]: local(6) })
    const web = frontend({ address: published, port: await world.port(), targetPort })
    const table = tableOf(groups, web)
    assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: true })
    assert.match((await askTcp({ address: local(6), port: web.port })).name, /^[ab]$/)
    assert.deepEqual(contentOf((await driver.read(signal)).table), contentOf(table))
    // Under another map it is the same frontend.
    const moved = await harness.driverBound({ [published]: '*' })
    await pass(moved, table, signal)
    for (const address of [local(5), local(77)]) {
      assert.match((await askTcp({ address, port: web.port })).name, /^[ab]$/)
    }
    assert.deepEqual(await leftOver(moved, table, signal), [])
  },
}

/** Of one family at both ends, or not: the families of clients and targets have nothing to do with each other. */
const ipv6Tests: Readonly<Record<string, ContractTest>> = {
  'IPv6 at either end and at both': async (world) => {
    const { harness, can, signal, targetPort, groups } = world
    const driver = await harness.driverBound({ '2001:db8::10': '*' })
    const both = frontend({ address: '::1', port: await world.port(), targetPort, proxyProtocol: 'v2', group: 'v6' })
    const front = frontend({ address: '::1', port: await world.port(), targetPort, proxyProtocol: 'v1' })
    const back = frontend({ port: await world.port(), targetPort, proxyProtocol: 'v2', group: 'v6' })
    const datagrams = frontend({
      address: '::1',
      port: await world.port(),
      targetPort,
      protocol: 'UDP',
      proxyProtocol: 'v2',
    })
    const udp = can.UDP?.proxyProtocol.includes('v2') === true ? [datagrams] : []
    const wildcard = frontend({ address: '2001:db8::10', port: await world.port(), targetPort, group: 'v6' })
    const table = tableOf(groups, both, front, back, ...udp, wildcard)
    assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: true })
    for (const ask of [
      ...[both, front, back].map((one) => () => askTcp(one)),
      ...udp.map((one) => () => askUdp(one)),
    ]) {
      const asked = await ask()
      assert.equal(asked.client, asked.from)
    }
    assert.deepEqual(await whoServes({ address: '::1', port: wildcard.port }), ['v6'])
    assert.equal(await isOpen({ address: '127.0.0.1', port: wildcard.port }), false)
    assert.deepEqual(contentOf((await driver.read(signal)).table), contentOf(table))
  },
}

/** Runs the suite for one kind of proxy. */
export function driverContract(kind: HarnessKind): void {
  const all = { ...plainTests, ...ipv6Tests, ...hostTests, ...hardTests, ...ownerTests }
  describe(`driver contract: ${kind.name}`, { skip: kind.skip ?? false }, () => {
    for (const [name, body] of Object.entries(all)) {
      const skip = kind.skips?.[name] ?? (name in ipv6Tests ? NO_IPV6 : undefined)
      test(name, { skip: skip ?? false }, () => inWorld(kind, body))
    }
  })
}
