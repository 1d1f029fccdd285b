/** What can be in the way of an nginx that is to reload. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Engine } from '../../src/edge/engines/engine.ts'
import { createNginxEngine } from '../../src/edge/engines/nginx.ts'
import { hostPort } from '../../src/model/address.ts'
import { FairwayError } from '../../src/model/problems.ts'
import type { Frontend } from '../../src/model/table.ts'
import { isOpen, startLongTransfer, whoServes } from './clients.ts'
import { whoIs } from './engine-suite-settings.ts'
import { eventually, idOf, stateOf } from './engine-suite-world.ts'
import { nginxTest } from './nginx-harness.ts'

/** Another process that has a frontend's port. */
async function takePort({ address, port }: Frontend): Promise<() => Promise<void>> {
  const thief = createServer((socket) => socket.destroy())
  thief.listen({ host: address, port, exclusive: true })
  await once(thief, 'listening')
  // Where a test fails, nothing waits for it.
  thief.unref()
  return () => new Promise((resolve) => void thief.close(() => resolve()))
}

nginxTest('ports that other processes have are refused alone, and not tried again at once', async (world, harness) => {
  const { groups, signal } = world
  const engine = await createNginxEngine({ ...harness.options, failedStartRestMs: 1_500 }, signal)
  const [web, other] = [await world.frontend(), await world.frontend({ group: 'c' })]
  const taken = [await world.frontend({ group: 'b' }), await world.frontend({ group: 'b' })]
  await engine.apply(stateOf(groups, web), signal)
  const transfer = await startLongTransfer(web, signal)
  const leave = await Promise.all(taken.map(takePort))
  const state = stateOf(groups, web, other, ...taken)
  const { refused, how } = await engine.apply(state, signal)
  assert.deepEqual(
    new Map(refused.map(({ id, problem }) => [id, problem.code])),
    new Map(taken.map((one) => [idOf(one), 'PortTaken'])),
  )
  assert.deepEqual([how, await whoIs(other), await whoServes(web)], ['reload', 'c', ['a', 'b']])
  assert.deepEqual(await engine.bound(signal), await (await harness.engine()).bound(signal))
  assert.equal((await engine.bound(signal)).length, 2)
  const reloads = async () => (await readFile(harness.unit.errorLog, 'utf8')).split(': reconfiguring').length
  const before = await reloads()
  // nginx is not even asked.
  assert.deepEqual(await engine.apply(state, signal), { refused, how: 'nothing' })
  assert.equal(await reloads(), before)
  for (const close of leave) await close()
  await eventually('they are served', async () => (await engine.apply(state, signal)).refused.length === 0, signal)
  for (const one of taken) assert.equal(await whoIs(one), 'b')
  assert.ok((await transfer.finish()) > 0)
})

nginxTest('an address that the machine has not is refused before nginx is told', async (world, harness) => {
  const { engine, groups, signal } = world
  const web = await world.frontend()
  await engine.apply(stateOf(groups, web), signal)
  const generation = await harness.generation()
  const lost = [80, 81, 82].map((port): Frontend => ({ ...web, address: '192.0.2.9', port }))
  const { refused, how } = await engine.apply(stateOf(groups, web, ...lost), signal)
  assert.deepEqual(
    refused.map(({ problem }) => problem.code),
    ['AddressNotOnProxy', 'AddressNotOnProxy', 'AddressNotOnProxy'],
  )
  assert.deepEqual([how, await harness.generation()], ['nothing', generation])
})

nginxTest("what keeps nginx from reloading and is nobody's frontend", async (world, { unit, edit }) => {
  const { engine, groups, signal, admin } = world
  const [web, taken] = [await world.frontend(), await world.frontend({ address: admin.address })]
  await engine.apply(stateOf(groups, web), signal)
  const before = await readFile(unit.configFile, 'utf8')
  const leave = await takePort(taken)
  const listen = `server { listen ${hostPort(taken.address, taken.port)}; return ""; }`
  const undo = await edit((text) => text.replace('stream {\n', `stream {\n  ${listen}\n`))
  const state = stateOf(groups, web, await world.frontend())
  await assert.rejects(engine.apply(state, signal), ({ problem }: FairwayError) => {
    assert.equal(problem.code, 'ProxyRejected')
    assert.match(problem.message, new RegExp(`bind.* ${hostPort(taken.address, taken.port)} failed`))
    return true
  })
  // nginx never stopped, and one that starts now serves the same.
  assert.equal(await readFile(unit.configFile, 'utf8'), before)
  assert.deepEqual(await whoServes(web), ['a', 'b'])
  await undo()
  await leave()
  assert.deepEqual(await engine.apply(state, signal), { refused: [], how: 'reload' })
})

nginxTest('an nginx that does not include our file', async (world, { options, edit, unit }) => {
  const { engine, groups, signal } = world
  const state = stateOf(groups, await world.frontend())
  const before = await readFile(unit.configFile, 'utf8')
  const codeOf = async (tried: Engine) => {
    const error = await tried.apply(state, signal).catch((thrown: unknown) => thrown)
    assert.ok(error instanceof FairwayError)
    return `${error.problem.code} ${error.problem.message}`
  }
  const undo = await edit((text) => text.replace(`include ${options.configFile};`, ''))
  assert.match(await codeOf(engine), /^ConfigInvalid .*admin\.conf does not include .*fairway\.conf/)
  assert.equal(await readFile(unit.configFile, 'utf8'), before)
  await undo()
  const mainFile = join(unit.dir, 'nowhere.conf')
  assert.match(await codeOf(await createNginxEngine({ ...options, mainFile }, signal)), /^ConfigInvalid .*nowhere/)
  // Nothing answers: the file is there for when it does.
  const socketDir = join(unit.dir, 'none')
  assert.match(await codeOf(await createNginxEngine({ ...options, socketDir }, signal)), /^ProxyUnreachable /)
})

nginxTest(
  'a test reads the neighbours of the main file, and what it says names files as they are',
  async (world, harness) => {
    const { engine, groups, signal } = world
    const { unit, edit } = harness
    await writeFile(join(unit.dir, 'more.conf'), 'worker_shutdown_timeout 1h;\n')
    await edit((text) => `include more.conf;\n${text}`)
    const state = stateOf(groups, await world.frontend())
    assert.deepEqual(await engine.apply(state, signal), { refused: [], how: 'reload' })
    await writeFile(join(unit.dir, 'more.conf'), 'worker_shutdown_timeout soon;\n')
    const work = engine.apply(stateOf(groups, await world.frontend()), signal)
    await assert.rejects(work, ({ problem }: FairwayError) => {
      assert.match(problem.message, new RegExp(`invalid value in ${unit.dir}/more\\.conf:1$`))
      return true
    })
  },
)

nginxTest(
  'an edge that ended between the file and the reload, and a file that somebody edited',
  async (world, harness) => {
    const { engine, groups, signal } = world
    const { unit } = harness
    const [web, other] = [await world.frontend(), await world.frontend({ group: 'c' })]
    const [all, one] = [stateOf(groups, web, other), stateOf(groups, web)]
    await engine.apply(all, signal)
    const text = await readFile(unit.configFile, 'utf8')
    await engine.apply(one, signal)
    for (const state of [one, all]) {
      await writeFile(unit.configFile, text)
      const again = await harness.engine()
      // What is bound is what nginx has loaded, not what lies there.
      assert.equal((await again.bound(signal)).length, 1)
      assert.equal((await again.apply(state, signal)).how, 'reload')
      assert.equal(await whoIs(other), state === one ? 'nobody' : 'c')
    }
    const moved = await world.frontend()
    await writeFile(unit.configFile, text.replace(hostPort(web.address, web.port), hostPort(moved.address, moved.port)))
    process.kill((await unit.running()).master, 'SIGHUP')
    await eventually('the edit is loaded', async () => !(await isOpen(web)), signal)
    assert.equal((await engine.apply(all, signal)).how, 'reload')
    assert.deepEqual(await whoServes(web), ['a', 'b'])
    assert.equal(await readFile(unit.configFile, 'utf8'), text)
  },
)
