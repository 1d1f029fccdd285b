/** Several owners, other programs and restarts on one machine with the real `fairway edge` and HAProxy. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { frontendKey, type Owner } from '../../src/model/table.ts'
import { type Backend, startTcpBackend } from './backends.ts'
import { isOpen, startLongTransfer, whoServes } from './clients.ts'
import { type EdgeHarness, startEdge } from './edge-harness.ts'
import { local } from './net.ts'
import { contentOf, failsWith, frontend, leftOver, PROD, pass, tableOf } from './tables.ts'
import { eventually, inWorld, type World } from './world.ts'

/** A test with an edge of given settings. */
function edgeTest(name: string, config: object, body: (world: World, harness: EdgeHarness) => Promise<void>): void {
  test(name, async () => {
    let harness: EdgeHarness | undefined
    const start = async () => (harness = await startEdge({ address: local(1), config }))
    await inWorld({ name: 'edge', start }, (world) => body(world, harness ?? assert.fail('no harness')))
  })
}

edgeTest(
  'two clusters and two classes want one socket: each sees by name who else does',
  {},
  async (world, harness) => {
    const { signal, groups, targetPort } = world
    const web = frontend({
      port: await world.port(),
      targetPort,
      service: { namespace: 'team-a', name: 'web', uid: 'u1' },
    })
    const owners: readonly Owner[] = [
      PROD,
      { ...PROD, className: 'private' },
      { ...PROD, cluster: 'prod-a', uid: 'b1' },
    ]
    const [first, sibling, stranger] = owners.map((owner) => harness.driver({ owner }))
    assert(first !== undefined && sibling !== undefined && stranger !== undefined)
    await pass(first, tableOf(groups, { ...web, group: 'a' }), signal)
    const key = frontendKey(web)
    const told = [
      // Within a cluster people may know each other's Services.
      [sibling, `${key} is held by prod/public (Service team-a/web)`],
      [stranger, `${key} is held by prod/public`],
    ] as const
    for (const [driver, message] of told) {
      const own = frontend({ port: await world.port(), targetPort })
      const { refused } = await pass(driver, tableOf(groups, { ...web, group: 'b' }, own), signal)
      assert.deepEqual(
        refused.map((one) => `${one.key} ${one.problem.code}`),
        [`${key} PortTaken`],
      )
      assert(refused[0]?.problem.message.endsWith(message), refused[0]?.problem.message)
      assert.deepEqual(await whoServes(own), ['a', 'b'])
    }
    const [notice, ...more] = (await first.read(signal)).notices
    assert.deepEqual(more, [])
    assert(
      notice?.problem.message.endsWith(`${key} is asked for by prod-a/public, prod/private too`),
      notice?.problem.message,
    )
    assert.deepEqual(await whoServes(web), ['a'])
    // Whoever has waited longest is next, without a write of its own, and after any restart.
    await harness.kill()
    await harness.restart()
    await pass(first, tableOf(groups), signal)
    assert.deepEqual((await sibling.read(signal)).refused, [])
    assert.deepEqual(await whoServes(web), ['b'])
    assert.deepEqual(
      (await stranger.read(signal)).refused.map(({ problem }) => problem.message.split(' held by ')[1]),
      ['prod/private'],
    )
  },
)

edgeTest('a port that another process has is served as soon as that is gone', {}, async (world, harness) => {
  const { signal, groups, targetPort } = world
  const driver = harness.driver()
  const [web, taken] = [
    frontend({ port: await world.port(), targetPort }),
    frontend({ port: await world.port(), targetPort, group: 'a' }),
  ]
  const intruder = await startTcpBackend('intruder', taken)
  const { refused } = await pass(driver, tableOf(groups, web, taken), signal)
  assert.match(refused[0]?.problem.message ?? '', / is taken by node \(process \d+\) on /)
  const transfer = await startLongTransfer(web, signal)
  const writes = await harness.writes()
  await intruder.close()
  await eventually('it is served', async () => (await driver.read(signal)).refused.length === 0, signal)
  assert.deepEqual(await whoServes(taken), ['a'])
  assert.equal(await harness.writes(), writes)
  await transfer.finish()
})

edgeTest('a Service that is gone before its port is free is not served later', {}, async (world, harness) => {
  const { signal, groups, targetPort } = world
  const driver = harness.driver()
  const taken = frontend({ port: await world.port(), targetPort })
  const intruder = await startTcpBackend('intruder', taken)
  await pass(driver, tableOf(groups, taken), signal)
  assert.deepEqual(await pass(driver, tableOf(groups), signal), { refused: [], wrote: true })
  await intruder.close()
  await sleep(4_000)
  assert.equal(await isOpen(taken), false)
})

edgeTest('the edge stops and starts: what is served is served on', {}, async (world, harness) => {
  const { signal, groups, targetPort } = world
  const { edge } = harness
  const driver = harness.driver()
  const web = frontend({ port: await world.port(), targetPort })
  const table = tableOf(groups, web)
  await pass(driver, table, signal)
  const before = await driver.read(signal)
  const transfer = await startLongTransfer(web, signal)
  const { worker } = await edge.proxy.running()
  for (const signalName of ['SIGTERM', 'SIGKILL'] as const) {
    await edge.end(signalName)
    assert.deepEqual(await whoServes(web), ['a', 'b'])
    const { problem } = await failsWith('ProxyUnreachable', () => driver.read(signal))
    assert.match(problem.message, /connection refused|the connection was dropped/)
    await edge.start()
    assert.deepEqual({ ...(await driver.read(signal)), listeners: [] }, { ...before, listeners: [] })
    assert.deepEqual(await leftOver(driver, table, signal), [])
  }
  // Not even a reload.
  assert.equal((await edge.proxy.running()).worker, worker)
  assert((await transfer.finish()) > 0)
})

edgeTest('a HAProxy that is gone is trouble, which ends when its unit starts it again', {}, async (world, harness) => {
  const { signal, groups, targetPort } = world
  const { proxy: haproxy, ready } = harness.edge
  const driver = harness.driver()
  const [web, mail] = [
    frontend({ port: await world.port(), targetPort }),
    frontend({ port: await world.port(), targetPort }),
  ]
  await pass(driver, tableOf(groups, web), signal)
  await haproxy.kill()
  const { problem } = await failsWith('ProxyUnreachable', () => pass(driver, tableOf(groups, web, mail), signal))
  assert.equal(problem.kind, 'transient')
  assert.match(problem.message, /the proxy program behind the edge does not run: HAProxy does not answer/)
  assert.doesNotMatch(problem.message, /served/)
  assert.match(problem.remedy, /^Look at the unit of HAProxy on the proxy/)
  const isTold = async () => (await driver.read(signal)).trouble !== undefined
  await eventually('trouble is told', isTold, signal)
  const { problem: again } = await failsWith('ProxyUnreachable', () => pass(driver, tableOf(groups, web), signal))
  assert.match(again.message, /is not known to serve its table: the proxy program behind the edge does not run/)
  assert.equal(await ready(), false)
  await haproxy.start()
  await eventually('trouble is over', async () => !(await isTold()), signal)
  assert.deepEqual(await whoServes(web), ['a', 'b'])
  assert.deepEqual(await pass(driver, tableOf(groups, web, mail), signal), { refused: [], wrote: true })
  assert.deepEqual(await whoServes(mail), ['a', 'b'])
})

edgeTest('what is refused while HAProxy is gone is not what it starts with', {}, async (world, harness) => {
  const { signal, groups, targetPort } = world
  const { edge } = harness
  const driver = harness.driver()
  const web = frontend({ port: await world.port(), targetPort, group: 'a' })
  await pass(driver, tableOf(groups, web), signal)
  await edge.proxy.kill()
  await failsWith('ProxyUnreachable', () => pass(driver, tableOf(groups, { ...web, group: 'b' }), signal))
  // Before it has tried again.
  await edge.end('SIGKILL')
  await edge.proxy.start()
  assert.deepEqual(await whoServes(web), ['a'])
  await edge.start()
  assert.deepEqual(await whoServes(web), ['a'])
})

/** As under its unit: who holds a socket is not for it to know. */
const BLIND = ['setpriv', '--bounding-set=-sys_ptrace', '--inh-caps=-sys_ptrace']
const noRoot = process.getuid?.() === 0 ? false : 'needs root, whose processes are not looked into'

test('an edge that may name nobody restarts beside a port that another process has', { skip: noRoot }, async () => {
  let harness: EdgeHarness | undefined
  let intruder: Backend | undefined
  const start = async () => (harness = await startEdge({ address: local(1), under: BLIND }))
  const body = async (world: World) => {
    const { signal, groups, targetPort } = world
    const { edge, driver } = harness ?? assert.fail('no harness')
    const [web, taken] = [
      frontend({ port: await world.port(), targetPort }),
      frontend({ port: await world.port(), targetPort, group: 'a' }),
    ]
    intruder = await startTcpBackend('intruder', taken)
    const isRefused = [`${frontendKey(taken)} PortTaken`]
    const { refused } = await pass(driver(), tableOf(groups, web, taken), signal)
    assert.match(refused[0]?.problem.message ?? '', / is taken by a process of user ID 0 on /)
    const { worker } = await edge.proxy.running()
    const transfer = await startLongTransfer(web, signal)
    for (const signalName of ['SIGTERM', 'SIGKILL'] as const) {
      await edge.end(signalName)
      await edge.start()
      const observed = await driver().read(signal)
      assert.deepEqual(
        observed.refused.map(({ key, problem }) => `${key} ${problem.code}`),
        isRefused,
      )
      assert.deepEqual(await whoServes(web), ['a', 'b'])
    }
    // Not even a reload, which HAProxy interrupts all for when it cannot bind.
    assert.equal((await edge.proxy.running()).worker, worker)
    await transfer.finish()
    await intruder.close()
    await eventually('it is served', async () => (await driver().read(signal)).refused.length === 0, signal)
    assert.deepEqual(await whoServes(taken), ['a'])
  }
  try {
    await inWorld({ name: 'edge', start }, body)
  } finally {
    await intruder?.close()
  }
})

edgeTest('one node of 1,000 leaves by one write, and without a reload', {}, async (world, harness) => {
  const { signal, groups, targetPort } = world
  const driver = harness.driver()
  const nodes = Array.from({ length: 1_000 }, (_, at) => ({
    name: `node-${at}`,
    address: `127.250.${at >> 8}.${at & 255}`,
  }))
  const frontends = await Promise.all(
    Array.from({ length: 20 }, async () => frontend({ port: await world.port(), targetPort, group: 'nodes' })),
  )
  await pass(driver, tableOf({ ...groups, nodes }, ...frontends), signal)
  const [writes, { worker }] = [await harness.writes(), await harness.edge.proxy.running()]
  const fewer = tableOf({ ...groups, nodes: nodes.slice(1) }, ...frontends)
  assert.deepEqual(await pass(driver, fewer, signal), { refused: [], wrote: true })
  assert.equal(await harness.writes(), writes + 1)
  assert.deepEqual(contentOf((await driver.read(signal)).table), contentOf(fewer))
  const text = await readFile(harness.edge.proxy.configFile, 'utf8')
  assert.equal(text.includes('127.250.0.0\n'), false)
  assert.equal((await harness.edge.proxy.running()).worker, worker)
  assert.deepEqual(await leftOver(driver, fewer, signal), [])
})
