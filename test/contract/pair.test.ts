/** One `fairway edge` with two real programs: HAProxy for TCP, and another one for UDP. */
import assert from 'node:assert/strict'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { Driver } from '../../src/model/driver.ts'
import { type Frontend, frontendKey } from '../../src/model/table.ts'
import { type HaproxyUnit, makeHaproxy } from '../edge-lab/haproxy.ts'
import { makePair, type PairUnit } from '../edge-lab/unit.ts'
import { makeUnit, type ProxyKind } from '../edge-lab/units.ts'
import { freePort } from '../lab/free-port.ts'
import { type Backend, startTcpBackend, startUdpBackend } from './backends.ts'
import { askUdp, isOpen, startLongTransfer, whoServes } from './clients.ts'
import { type EdgeSite, startSite } from './edge-harness.ts'
import { local } from './net.ts'
import { contentOf, failsWith, frontend, leftOver, pass, tableOf } from './tables.ts'
import { eventually } from './world.ts'

/** Programs for UDP. */
const PARTNERS = ['nginx', 'envoy'] as const satisfies readonly ProxyKind[]

interface World {
  readonly site: EdgeSite<PairUnit>
  readonly haproxy: HaproxyUnit
  readonly driver: Driver
  readonly targetPort: number
  readonly groups: { readonly nodes: readonly { readonly name: string; readonly address: string }[] }
  /** Of TCP and UDP, on one address and port. */
  readonly twins: () => Promise<readonly [Frontend, Frontend]>
  readonly signal: AbortSignal
}

function pairTest(name: string, body: (world: World) => Promise<void>): void {
  for (const partner of PARTNERS) test(`haproxy+${partner}: ${name}`, () => inWorld(partner, body))
}

async function inWorld(partner: (typeof PARTNERS)[number], body: (world: World) => Promise<void>): Promise<void> {
  const signal = AbortSignal.timeout(60_000)
  const backends: Backend[] = []
  const udp = await makeUnit(partner)
  assert('engine' in udp)
  const haproxy = await makeHaproxy()
  const site = await startSite({ address: local(1), proxy: makePair(haproxy, udp) })
  try {
    const targetPort = await freePort(local(11))
    const at = { address: local(11), port: targetPort }
    backends.push(await startTcpBackend('a', at), await startUdpBackend('a', at))
    const groups = { nodes: [{ name: 'a', address: local(11) }] }
    const twins = async () => {
      const wishes = { port: await freePort(local(5)), targetPort, group: 'nodes' }
      return [frontend(wishes), frontend({ ...wishes, protocol: 'UDP' })] as const
    }
    await body({ site, haproxy, driver: site.driver(), targetPort, groups, twins, signal })
  } finally {
    await site.close()
    await Promise.all(backends.map((backend) => backend.close()))
  }
}

pairTest('one address and port by both protocols, across a restart of the edge', async (world) => {
  const { site, driver, groups, twins, signal } = world
  const { capabilities } = await driver.read(signal)
  assert.equal(capabilities.TCP?.affinityTimeout, true)
  assert.notEqual(capabilities.UDP, undefined)
  const [tcp, udp] = await twins()
  const table = tableOf(groups, tcp, udp)
  assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: true })
  assert.deepEqual([await whoServes(tcp), (await askUdp(udp)).name], [['a'], 'a'])
  assert.deepEqual(contentOf((await driver.read(signal)).table), contentOf(table))
  const transfer = await startLongTransfer(tcp, signal)
  const generation = await site.edge.proxy.generation()
  await site.edge.end('SIGTERM')
  await site.edge.start()
  assert.deepEqual(await leftOver(driver, table, signal), [])
  assert.deepEqual((await driver.read(signal)).refused, [])
  assert.equal(await site.edge.proxy.generation(), generation)
  assert((await transfer.finish()) > 0)
  await pass(driver, tableOf(groups, tcp), signal)
  assert.deepEqual(await whoServes(tcp), ['a'])
})

pairTest('a program that is gone takes nothing of the other', async ({ site, driver, groups, twins, ...world }) => {
  const { haproxy, signal } = world
  const { proxy, ready } = site.edge
  const [[web, dns], [mail, time]] = [await twins(), await twins()]
  await pass(driver, tableOf(groups, web, dns), signal)
  await haproxy.kill()
  const { refused } = await pass(driver, tableOf(groups, web, dns, mail, time), signal)
  assert.deepEqual(
    refused.map(({ key, problem }) => `${key} ${problem.code}`).toSorted(),
    [web, mail].map((one) => `${frontendKey(one)} ProxyUnreachable`).toSorted(),
  )
  assert.deepEqual([(await askUdp(dns)).name, (await askUdp(time)).name, await ready()], ['a', 'a', false])
  await haproxy.start()
  await eventually('HAProxy serves again', async () => (await driver.read(signal)).refused.length === 0, signal)
  assert.deepEqual([await whoServes(web), await whoServes(mail)], [['a'], ['a']])
  await eventually('the edge is ready', ready, signal)
  await proxy.udp.kill()
  const less = await pass(driver, tableOf(groups, web, dns), signal)
  assert.deepEqual(
    less.refused.map(({ key }) => key),
    [frontendKey(dns)],
  )
  assert.equal(await isOpen(mail), false)
  await proxy.udp.start()
  await eventually('UDP is served again', async () => (await driver.read(signal)).refused.length === 0, signal)
  assert.equal((await askUdp(dns)).name, 'a')
})

pairTest('a change that one program does not take fails as a whole', async ({ driver, groups, twins, ...world }) => {
  const { haproxy, signal } = world
  const [[web, dns], [mail, time]] = [await twins(), await twins()]
  await pass(driver, tableOf(groups, web, dns), signal)
  const text = await readFile(haproxy.adminFile, 'utf8')
  await appendFile(haproxy.adminFile, '  nonsense\n')
  await failsWith('ProxyRejected', () => pass(driver, tableOf(groups, web, dns, mail, time), signal))
  assert.deepEqual(await leftOver(driver, tableOf(groups, web, dns), signal), [])
  assert.deepEqual([await whoServes(web), await isOpen(mail)], [['a'], false])
  // What is of the other alone is none of its business.
  assert.deepEqual(await pass(driver, tableOf(groups, web, dns, time), signal), { refused: [], wrote: true })
  assert.equal((await askUdp(time)).name, 'a')
  await writeFile(haproxy.adminFile, text)
  assert.deepEqual(await pass(driver, tableOf(groups, web, mail, time), signal), { refused: [], wrote: true })
  assert.deepEqual(await whoServes(mail), ['a'])
})
