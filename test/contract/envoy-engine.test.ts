/** The engine contract on a real Envoy, and what is Envoy's alone. */
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as fc from 'fast-check'
import { acceptFrontends } from '../../src/edge/engines/common/accept.ts'
import { ENVOY } from '../../src/edge/engines/envoy/capabilities.ts'
import { type Drawing, drawConfig } from '../../src/edge/engines/envoy/drawing.ts'
import { openStateFolder } from '../../src/edge/engines/envoy/folder.ts'
import { readCounts, readVersions } from '../../src/edge/engines/envoy/progress.ts'
import { createEnvoyEngine } from '../../src/edge/engines/envoy.ts'
import { FairwayError } from '../../src/model/problems.ts'
import { makeEnvoy } from '../edge-lab/envoy.ts'
import { run } from '../lab/process.ts'
import { runs } from '../support/builders.ts'
import { anyEnvoyState } from '../unit/edge/envoy-states.ts'
import { isOpen, startLongTransfer, whoServes } from './clients.ts'
import { engineContract } from './engine-suite.ts'
import { whoIs } from './engine-suite-settings.ts'
import { idOf, stateOf } from './engine-suite-world.ts'
import { envoyTest, startEnvoy } from './envoy-harness.ts'
import { ENVOY_SKIPS } from './skips.ts'

engineContract({
  name: 'envoy',
  targetsChange: 'runtime',
  start: (admin) => startEnvoy(admin),
  skips: ENVOY_SKIPS,
})

envoyTest('a socket that cannot be bound is left out alone, until it can be', async (world, harness) => {
  const { groups, signal } = world
  const engine = await createEnvoyEngine({ ...harness.options, failedStartRestMs: 300 }, signal)
  const [web, other, taken] = [await world.frontend(), await world.frontend({ group: 'c' }), await world.frontend()]
  await engine.apply(stateOf(groups, web), signal)
  const transfer = await startLongTransfer(web, signal)
  await harness.rejectOne(idOf(taken))
  const state = stateOf(groups, web, other, taken)
  const first = await engine.apply(state, signal)
  assert.deepEqual(
    first.refused.map(({ id, problem }) => [id, problem.code]),
    [[idOf(taken), 'PortTaken']],
  )
  assert.deepEqual([await whoServes(web), await whoIs(other), await whoIs(taken)], [['a', 'b'], 'c', 'nobody'])
  assert.deepEqual(new Set((await engine.bound(signal)).map(({ port }) => port)), new Set([web.port, other.port]))
  const { failed } = await readCounts(harness.unit.admin, 'listeners', signal)
  const again = await engine.apply(state, signal)
  assert.deepEqual([again.how, again.refused], ['nothing', first.refused])
  assert.equal((await readCounts(harness.unit.admin, 'listeners', signal)).failed, failed)
  assert.ok((await transfer.finish()) > 0)
  // An Envoy that starts meanwhile serves the others, and takes the socket when it is free.
  await harness.kill()
  await harness.start()
  assert.deepEqual([await whoServes(web), await whoIs(other)], [['a', 'b'], 'c'])
  await harness.release()
  await sleep(300)
  assert.deepEqual((await engine.apply(state, signal)).refused, [])
  assert.match(await whoIs(taken), /[ab]/)
})

envoyTest('an edge that ended in the middle of a change', async (world, { options, unit, engine: restarted }) => {
  const { engine, groups, signal } = world
  const [web, other] = [await world.frontend(), await world.frontend({ group: 'c' })]
  const folder = await openStateFolder(options.configDir)
  const drawn = (...frontends: Parameters<typeof stateOf>[1][]) => {
    const state = stateOf(groups, ...frontends)
    return drawConfig(state.frontends, state.groups)
  }
  const [before, after] = [drawn(web), drawn(web, other)]
  const ends: Readonly<Record<string, Pick<Drawing, 'clusters' | 'listeners'>>> = {
    'clusters are there, listeners not yet': { clusters: after.clusters, listeners: before.listeners },
    'all is there': after,
  }
  for (const [name, state] of Object.entries(ends)) {
    for (const goal of [stateOf(groups, web), stateOf(groups, web, other)]) {
      await engine.apply(stateOf(groups, web), signal)
      await folder.put(state)
      assert.deepEqual((await (await restarted()).apply(goal, signal)).refused, [], name)
      assert.equal(await whoIs(other), goal.frontends.length === 2 ? 'c' : 'nobody', name)
      assert.deepEqual(await whoServes(web), ['a', 'b'])
      const wanted = drawn(...goal.frontends.map(({ frontend }) => frontend))
      const { clusters, listeners } = await readVersions(unit.admin, signal)
      assert.deepEqual([clusters, listeners], [wanted.clusters.version, wanted.listeners.version])
      assert.equal((await readdir(options.configDir)).filter((one) => one.startsWith('state-')).length, 1)
    }
  }
})

envoyTest(
  'an Envoy that ends at any instant of a change serves the state before or the new one',
  async (world, harness) => {
    const { engine, groups, signal, targets } = world
    const [web, other] = [await world.frontend(), await world.frontend({ group: 'c' })]
    const [before, after] = [stateOf(groups, web), stateOf({ ...groups, ab: [targets.c] }, web, other)]
    for (const delay of [0, 1, 2, 3, 5, 8, 12, 20, 30]) {
      await engine.apply(before, signal)
      const off = new AbortController()
      const work = engine.apply(after, AbortSignal.any([signal, off.signal])).catch(() => {})
      await sleep(delay)
      off.abort()
      await harness.kill()
      await work
      await harness.start()
      const isNew = await isOpen(other)
      assert.deepEqual(await whoServes(web), isNew ? ['c'] : ['a', 'b'], `killed after ${delay} ms`)
    }
  },
)

envoyTest('what was edited in our files is put right', async (world, { options }) => {
  const { engine, groups, signal } = world
  const [web, other] = [await world.frontend(), await world.frontend({ group: 'c' })]
  const state = stateOf(groups, web, other)
  await engine.apply(state, signal)
  const file = join(options.configDir, 'current/lds.json')
  const text = await readFile(file, 'utf8')
  const folder = await openStateFolder(options.configDir)
  for (const edited of [text.replaceAll(`${other.port}`, '1'), 'nonsense', '']) {
    await writeFile(file, edited)
    await folder.nudge('listeners')
    await sleep(100)
    assert.deepEqual((await engine.apply(state, signal)).refused, [])
    assert.equal(await readFile(file, 'utf8'), text)
    assert.deepEqual([await whoServes(web), await whoIs(other)], [['a', 'b'], 'c'])
    assert.equal((await engine.apply(state, signal)).how, 'nothing')
  }
})

async function problemOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: unknown) =>
      error instanceof FairwayError ? `${error.problem.code} ${error.problem.remedy}` : String(error),
  )
}

envoyTest('an Envoy that does not load our files', async (world, { options, unit }) => {
  const { groups, signal } = world
  const configDir = join(unit.dir, 'elsewhere')
  await mkdir(configDir)
  const engine = await createEnvoyEngine({ ...options, configDir }, signal)
  assert.match(
    await problemOf(engine.apply(stateOf(groups, await world.frontend()), signal)),
    /^WriteNotConf.*bootstrap/,
  )
})

envoyTest('the files for the first start serve nothing, and existing ones are left alone', async (_, { options }) => {
  const file = join(options.configDir, 'current/lds.json')
  const { ino } = await stat(file)
  assert.deepEqual((JSON.parse(await readFile(file, 'utf8')) as { resources: unknown[] }).resources, [])
  await createEnvoyEngine(options, AbortSignal.timeout(5_000))
  assert.equal((await stat(file)).ino, ino)
})

envoyTest('programs that are no Envoy', async (_, { options }) => {
  const codeOf = async (binary: string) =>
    (await problemOf(createEnvoyEngine({ ...options, binary }, AbortSignal.timeout(5_000)))).split(' ')[0]
  assert.deepEqual(await Promise.all([options.binary ?? '', 'true', '/nowhere/envoy'].map(codeOf)), [
    'none',
    'Unsupported',
    'ConfigInvalid',
  ])
})

/** Resources as a bootstrap has them, which are known by their place. */
function plain({ text }: Drawing['clusters']): readonly object[] {
  const { resources } = JSON.parse(text) as { resources: readonly Readonly<Record<string, unknown>>[] }
  return resources.map((one) => Object.fromEntries(Object.entries(one).filter(([key]) => key !== '@type')))
}

test('Envoy takes every file that is rendered, whatever the tables said', async () => {
  const unit = await makeEnvoy()
  try {
    const { numRuns } = runs(80)
    const states = fc.sample(anyEnvoyState, { numRuns, seed: 7 })
    let count = 0
    for (const [index, state] of states.entries()) {
      const drawing = drawConfig(acceptFrontends(state, ENVOY).frontends, state.groups)
      const [clusters, listeners] = [plain(drawing.clusters), plain(drawing.listeners)]
      count += listeners.length
      const file = join(unit.dir, `${index}.json`)
      await writeFile(file, JSON.stringify({ static_resources: { clusters, listeners } }))
      const argv = [unit.binary, '--mode', 'validate', '-l', 'error', '-c', file]
      await run(argv, {}, AbortSignal.timeout(60_000))
    }
    assert.ok(count > numRuns / 5, `only ${count} listeners`)
  } finally {
    await unit.close()
  }
})

test('the bootstrap of deploy/edge finds what the edge writes', async () => {
  const unit = await makeEnvoy()
  try {
    await unit.prepare()
    const file = join(unit.dir, 'envoy.yaml')
    const text = await readFile(resolve(import.meta.dirname, '../../deploy/edge/envoy.yaml'), 'utf8')
    await writeFile(file, text.replaceAll('/var/lib/fairway-envoy', unit.configDir))
    await run([unit.binary, '--mode', 'validate', '-l', 'error', '-c', file], {}, AbortSignal.timeout(60_000))
  } finally {
    await unit.close()
  }
})
