import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createRests } from '../../model/rests.ts'
import { openDurableFile, writeDurably } from './common/durable-file.ts'
import { createPace } from './common/pace.ts'
import { askVersion } from './common/version.ts'
import type { Engine, EngineState } from './engine.ts'
import { applyState } from './nginx/apply.ts'
import { findBound } from './nginx/bound.ts'
import { nginxProgram } from './nginx/capabilities.ts'
import { readHealth } from './nginx/health.ts'
import { readListeners } from './nginx/listeners.ts'
import type { NginxOptions } from './nginx/options.ts'
import { dumpFiles, NGINX_VERSION } from './nginx/program.ts'
import { renderConfig } from './nginx/render.ts'
import type { Tools } from './nginx/tools.ts'

const LAST_GOOD = 'nginx-last-good.conf'
const NOTHING: EngineState = { frontends: [], groups: new Map() }

/**
 * Works an nginx that runs as a unit of its own and includes a file of ours in the `stream` block of its administrator. What nginx runs is asked each
 * time, never remembered. Where there is no file of ours yet, one that serves nothing is written, so that the unit can start.
 */
export async function createNginxEngine(options: NginxOptions, signal: AbortSignal): Promise<Engine> {
  const { mainFile, configFile, socketDir, stateDir, binary = 'nginx', log } = options
  const version = await askVersion(binary, NGINX_VERSION, signal)
  const program = nginxProgram(version)
  const [config, lastGood] = [await openDurableFile(configFile), await openDurableFile(join(stateDir, LAST_GOOD))]
  if ((await config.read()) === undefined) await writeDurably(config, renderConfig(NOTHING, options).text)
  // nginx itself may be another user, and so may be its workers.
  await mkdir(socketDir, { recursive: true, mode: 0o755 })
  const reloadPace = createPace(options.minReloadIntervalMs)
  const failedStarts = createRests(options.failedStartRestMs)
  const tools: Tools = { options, binary, program, config, lastGood, reloadPace, failedStarts }
  let served = NOTHING
  let isBounded = true

  return {
    name: 'nginx',
    version,
    capabilities: program.capabilities,
    async apply(state, applySignal) {
      const outcome = await applyState(tools, state, applySignal)
      served = outcome.served
      const { refused, how } = outcome
      log.debug({ how, frontends: state.frontends.length, refused: refused.length }, 'applied to nginx')
      return { refused, how }
    },
    async listeners(listenersSignal) {
      const { ok, output } = await dumpFiles(binary, mainFile, listenersSignal)
      if (ok) {
        if (isBounded) isBounded = tellUnbounded(output, log)
        return readListeners(output, configFile)
      }
      log.warn(
        { path: mainFile },
        `cannot tell what nginx listens on for its administrator: ${output.trim().slice(-300)}`,
      )
      return []
    },
    bound: (boundSignal) => findBound(tools, boundSignal),
    health: async () => readHealth(served),
    close: async () => {},
  }
}

/** Whether nginx's files end workers of before reloads some time; says so where they do not. */
function tellUnbounded(dump: string, log: NginxOptions['log']): boolean {
  if (/^\s*worker_shutdown_timeout\s/m.test(dump)) return true
  log.warn(
    {},
    "nginx's configuration has no worker_shutdown_timeout: workers of before reloads live as long as their connections",
  )
  return false
}
