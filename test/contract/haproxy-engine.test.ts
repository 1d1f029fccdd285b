/** The engine contract on a real HAProxy, and what is HAProxy's alone. */
import assert from 'node:assert/strict'
import { appendFile, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Engine } from '../../src/edge/engines/engine.ts'
import type { HaproxyOptions } from '../../src/edge/engines/haproxy/options.ts'
import { createHaproxyEngine } from '../../src/edge/engines/haproxy.ts'
import { hostPort } from '../../src/model/address.ts'
import { FairwayError } from '../../src/model/problems.ts'
import { type HaproxyUnit, makeHaproxy } from '../edge-lab/haproxy.ts'
import { isOpen, startLongTransfer, whoServes } from './clients.ts'
import { engineContract } from './engine-suite.ts'
import { whoIs } from './engine-suite-settings.ts'
import {
  type AdminPart,
  type EngineHarness,
  type EngineWorld,
  eventually,
  inEngineWorld,
  stateOf,
} from './engine-suite-world.ts'

/** Defaults that would be noticed if they reached our sections. */
function adminText({ from, to }: AdminPart): string {
  return `global
  maxconn 2000

defaults
  mode http
  timeout client 200ms
  timeout server 200ms
  timeout connect 200ms

listen admin
  mode tcp
  timeout client 1m
  timeout server 1m
  bind ${hostPort(from.address, from.port)}
  server one ${hostPort(to.address, to.port)}
`
}

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

interface HaproxyHarness extends EngineHarness {
  readonly unit: HaproxyUnit
  readonly options: HaproxyOptions
}

async function startHarness(admin: AdminPart): Promise<HaproxyHarness> {
  const unit = await makeHaproxy(adminText(admin))
  const { adminFile, configFile, masterSocket, stateDir } = unit
  const rests = { minReloadIntervalMs: 0, failedStartRestMs: 0 }
  const options = { configFile, adminFiles: [adminFile], masterSocket, stateDir, ...rests, log }
  const engine = (): Promise<Engine> => createHaproxyEngine(options, AbortSignal.timeout(10_000))
  // It writes a file of ours that serves nothing, as before the first start of the unit.
  await engine()
  await unit.start()
  return {
    unit,
    options,
    engine,
    generation: async () => `${(await unit.running()).worker}`,
    kill: unit.kill,
    start: unit.start,
    rejectAll: async () => {
      const before = await readFile(adminFile, 'utf8')
      await appendFile(adminFile, '  nonsense\n')
      return () => writeFile(adminFile, before)
    },
    rejectOne: (id) => appendFile(adminFile, `\nfrontend fairway.${id}\n  timeout client 1s\n`),
    close: unit.close,
  }
}

engineContract({ name: 'haproxy', targetsChange: 'runtime', start: startHarness })

/** A test of what only HAProxy does. */
function haproxyTest(name: string, body: (world: EngineWorld, harness: HaproxyHarness) => Promise<void>): void {
  test(name, async () => {
    let harness: HaproxyHarness | undefined
    const start = async (admin: AdminPart) => (harness = await startHarness(admin))
    await inEngineWorld({ name: 'haproxy', targetsChange: 'runtime', start }, (world) =>
      body(world, harness ?? assert.fail('no harness')),
    )
  })
}

haproxyTest('what was changed by hand in the running HAProxy or in its file is put right', async (world, { unit }) => {
  const { engine, groups, signal, targets } = world
  const web = await world.frontend()
  const state = stateOf(groups, web)
  await engine.apply(state, signal)
  const text = await readFile(unit.configFile, 'utf8')
  const backend = (await unit.running()).backends.keys().find((name) => name.startsWith('fairway.to.'))
  for (const command of [`s1 addr ${targets.c.address}`, 's2 state maint', 's1 state drain', 's2 weight 0']) {
    await unit.master.command([`set server ${backend}/${command}`], signal)
    assert.equal((await engine.apply(state, signal)).how, 'runtime')
    assert.deepEqual(await whoServes(web), ['a', 'b'], command)
    assert.equal((await engine.apply(state, signal)).how, 'nothing')
  }
  await writeFile(unit.configFile, `${text}\n# mine\n`)
  assert.equal((await engine.apply(state, signal)).how, 'runtime')
  assert.equal(await readFile(unit.configFile, 'utf8'), text)
  // An edit that HAProxy runs already, and that its servers do not tell.
  const moved = hostPort(web.address, (await world.frontend()).port)
  await writeFile(unit.configFile, text.replace(`bind ${hostPort(web.address, web.port)}`, `bind ${moved}`))
  await unit.master.reload(signal)
  await eventually('the edit is loaded', async () => !(await isOpen(web)), signal)
  assert.equal((await engine.apply(state, signal)).how, 'reload')
  assert.deepEqual(await whoServes(web), ['a', 'b'])
  assert.equal(await readFile(unit.configFile, 'utf8'), text)
  assert.equal((await engine.apply(state, signal)).how, 'nothing')
})

haproxyTest('an edge that ended between the file and the reload', async (world, { unit, engine: restarted }) => {
  const { engine, groups, signal } = world
  const [web, other] = [await world.frontend(), await world.frontend({ group: 'c' })]
  await engine.apply(stateOf(groups, web, other), signal)
  const text = await readFile(unit.configFile, 'utf8')
  await engine.apply(stateOf(groups, web), signal)
  const before = await unit.running()
  await writeFile(unit.configFile, text)
  const again = await restarted()
  assert.equal((await again.apply(stateOf(groups, web), signal)).how, 'runtime')
  assert.equal((await unit.running()).worker, before.worker)
  await writeFile(unit.configFile, text)
  assert.equal((await again.apply(stateOf(groups, web, other), signal)).how, 'reload')
  assert.equal(await whoIs(other), 'c')
})

haproxyTest('a HAProxy that does not load our file', async (world, { options, unit }) => {
  const { groups, signal } = world
  const web = await world.frontend()
  const configFile = join(unit.dir, 'elsewhere.cfg')
  const engine = await createHaproxyEngine({ ...options, configFile }, signal)
  const before = await readFile(configFile, 'utf8')
  const work = engine.apply(stateOf(groups, web), signal)
  await assert.rejects(work, ({ problem }: FairwayError) => {
    assert.equal(problem.code, 'WriteNotConfirmed')
    assert.match(problem.remedy, /elsewhere\.cfg/)
    return true
  })
  assert.equal(await readFile(configFile, 'utf8'), before)
})

haproxyTest('a failed start goes back to what was last seen running', async (world, { unit, engine: restarted }) => {
  const { engine, groups, signal } = world
  const [web, taken] = [await world.frontend(), await world.frontend({ address: world.admin.address, group: 'c' })]
  await engine.apply(stateOf(groups, web), signal)
  await engine.apply(stateOf(groups, web, { ...web, port: taken.port }), signal)
  const good = await readFile(unit.configFile, 'utf8')
  // Nobody knows where this one comes from; then something is asked for that cannot be bound.
  await writeFile(unit.configFile, 'backend fairway.shape\n')
  const lost = { ...web, address: '192.0.2.9' }
  await assert.rejects((await restarted()).apply(stateOf(groups, web, lost), signal), /does not start/)
  assert.equal(await readFile(unit.configFile, 'utf8'), good)
  assert.deepEqual(await whoServes(web), ['a', 'b'])
  await unit.kill()
  await unit.start()
  assert.deepEqual(await whoServes(web), ['a', 'b'])
})

haproxyTest('a configuration that does not start is not tried again at once', async (world, { unit, options }) => {
  const { groups, signal } = world
  const web = await world.frontend()
  const engine = await createHaproxyEngine({ ...options, failedStartRestMs: 60_000 }, signal)
  const lost = stateOf(groups, web, { ...web, address: '192.0.2.9' })
  await assert.rejects(engine.apply(lost, signal), /does not start/)
  const { worker, reloads } = await unit.running()
  await assert.rejects(engine.apply(lost, signal), /does not start/)
  assert.deepEqual([(await unit.running()).worker, (await unit.running()).reloads], [worker, reloads])
  assert.equal((await engine.apply(stateOf(groups, web), signal)).how, 'reload')
})

haproxyTest('a target that is down stays so across a reload', async (world, { unit }) => {
  const { engine, groups, signal } = world
  const health = await world.startHealth()
  await health.set('b', 'bad')
  // A new worker spreads its first checks over this time.
  const check = { kind: 'http', port: health.port, intervalMs: 8_000, timeoutMs: 500, rise: 2, fall: 1 } as const
  const web = await world.frontend({ healthCheck: { ...check, derived: false } })
  await engine.apply(stateOf(groups, web), signal)
  await eventually('b is down', async () => (await whoServes(web)).join('') === 'a', signal)
  for (let turn = 0; turn < 3; turn++) {
    const { worker } = await unit.running()
    const other = await world.frontend({ group: 'c' })
    assert.equal((await engine.apply(stateOf(groups, web, other), signal)).how, 'reload')
    assert.notEqual((await unit.running()).worker, worker)
    assert.deepEqual(await whoServes(web, 10), ['a'])
  }
})

haproxyTest('reloads keep their distance, and processes before them end when asked to', async (world, { options }) => {
  const { groups, signal } = world
  const engine = await createHaproxyEngine({ ...options, minReloadIntervalMs: 700, hardStopAfterMs: 500 }, signal)
  const web = await world.frontend()
  await engine.apply(stateOf(groups, web), signal)
  const transfer = await startLongTransfer(web, signal)
  const began = performance.now()
  await engine.apply(stateOf(groups, web, await world.frontend()), signal)
  assert.ok(performance.now() - began > 500)
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  await assert.rejects(transfer.finish(), /closed/)
})

haproxyTest(
  'the file for the first start serves nothing, and an existing one is left alone',
  async (_, { options }) => {
    const text = await readFile(options.configFile, 'utf8')
    assert.doesNotMatch(text, /^frontend (?!fairway.idle)/m)
    const before = await stat(options.configFile)
    await createHaproxyEngine(options, AbortSignal.timeout(5_000))
    assert.equal((await stat(options.configFile)).ino, before.ino)
  },
)

haproxyTest('programs that are no HAProxy', async (_, { options }) => {
  const codeOf = async (binary: string) => {
    const created = createHaproxyEngine({ ...options, binary }, AbortSignal.timeout(5_000))
    return created.then(
      () => 'none',
      (error: unknown) => (error instanceof FairwayError ? error.problem.code : String(error)),
    )
  }
  assert.deepEqual(await Promise.all(['haproxy', 'true', '/nowhere/haproxy'].map(codeOf)), [
    'none',
    'Unsupported',
    'ConfigInvalid',
  ])
})

haproxyTest("the administrator's sections are as they were", async (world, { unit }) => {
  const { engine, groups, signal, admin } = world
  await engine.apply(stateOf(groups, await world.frontend({ idleTimeoutMs: 5_000 })), signal)
  const transfer = await startLongTransfer(admin, signal)
  await writeFile(
    unit.adminFile,
    (await readFile(unit.adminFile, 'utf8')).replace('timeout client 1m', 'timeout client 2m'),
  )
  await engine.apply(stateOf(groups), signal)
  assert.ok(await isOpen(admin))
  assert.ok((await transfer.finish()) > 0)
})
