/** The engine contract on a real nginx, and what its administrator sees to. */
import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { createNginxEngine } from '../../src/edge/engines/nginx.ts'
import { FairwayError } from '../../src/model/problems.ts'
import { NGINX } from '../edge-lab/nginx.ts'
import { startLongTransfer } from './clients.ts'
import { engineContract } from './engine-suite.ts'
import { eventually, stateOf } from './engine-suite-world.ts'
import { nginxTest, startHarness } from './nginx-harness.ts'
import { NGINX_SKIPS } from './skips.ts'

engineContract({
  name: 'nginx',
  targetsChange: 'reload',
  start: startHarness,
  skips: NGINX_SKIPS,
})

nginxTest('reloads keep their distance, and workers before them end when asked to', async (world, harness) => {
  const { groups, signal } = world
  const { options, edit, unit } = harness
  await edit((text) => `worker_shutdown_timeout 1s;\n${text}`)
  const engine = await createNginxEngine({ ...options, minReloadIntervalMs: 700 }, signal)
  const web = await world.frontend()
  await engine.apply(stateOf(groups, web), signal)
  const transfer = await startLongTransfer(web, signal)
  const began = performance.now()
  await engine.apply(stateOf(groups, web, await world.frontend()), signal)
  assert.ok(performance.now() - began > 500)
  assert.ok((await unit.workers()).leaving.length > 0)
  await eventually('they have ended', async () => (await unit.workers()).leaving.length === 0, signal)
  await assert.rejects(transfer.finish(), /closed/)
})

nginxTest('the file for the first start serves nothing, and an existing one is left alone', async (_, { options }) => {
  const text = await readFile(options.configFile, 'utf8')
  assert.deepEqual(text.match(/^ *listen .*$/gm), [`  listen unix:${options.socketDir}/status.sock;`])
  const before = await stat(options.configFile)
  await createNginxEngine(options, AbortSignal.timeout(5_000))
  assert.equal((await stat(options.configFile)).ino, before.ino)
})

nginxTest('programs that are no nginx', async (_, { options }) => {
  const codeOf = async (binary: string) => {
    const created = createNginxEngine({ ...options, binary }, AbortSignal.timeout(5_000))
    return created.then(
      () => 'none',
      (error: unknown) => (error instanceof FairwayError ? error.problem.code : String(error)),
    )
  }
  assert.deepEqual(await Promise.all([NGINX, 'true', '/nowhere/nginx'].map(codeOf)), [
    'none',
    'Unsupported',
    'ConfigInvalid',
  ])
})
