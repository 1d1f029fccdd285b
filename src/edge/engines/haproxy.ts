import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { readListeners } from '../../haproxy/listeners.ts'
import type { Listener } from '../../model/driver.ts'
import { errorText } from '../../model/problems.ts'
import { createRests } from '../../model/rests.ts'
import { openDurableFile, writeDurably } from './common/durable-file.ts'
import { createPace } from './common/pace.ts'
import { askVersion } from './common/version.ts'
import type { Engine } from './engine.ts'
import { applyState } from './haproxy/apply.ts'
import { findBound } from './haproxy/bound.ts'
import { HAPROXY } from './haproxy/capabilities.ts'
import { type Drawing, drawConfig } from './haproxy/drawing.ts'
import { readHealth } from './haproxy/health.ts'
import { createMaster } from './haproxy/master.ts'
import type { HaproxyOptions } from './haproxy/options.ts'
import { HAPROXY_VERSION } from './haproxy/program.ts'
import { readRunning } from './haproxy/running.ts'
import type { Tools } from './haproxy/tools.ts'

const LAST_GOOD = 'haproxy-last-good.cfg'

/**
 * Works an HAProxy that runs as a unit of its own in master-worker mode (`-W -S`) and loads a file of ours behind its administrator's. What HAProxy
 * runs is asked each time, never remembered. Where there is no file of ours yet, one that serves nothing is written, so that the unit can start.
 */
export async function createHaproxyEngine(options: HaproxyOptions, signal: AbortSignal): Promise<Engine> {
  const { configFile, stateDir, masterSocket, binary = 'haproxy', log } = options
  const version = await askVersion(binary, HAPROXY_VERSION, signal)
  const [config, lastGood] = [await openDurableFile(configFile), await openDurableFile(join(stateDir, LAST_GOOD))]
  if ((await config.read()) === undefined) {
    await writeDurably(config, drawConfig([], new Map(), new Map(), options).rendered.text)
  }
  const master = createMaster(masterSocket)
  const reloadPace = createPace(options.minReloadIntervalMs)
  const failedStarts = createRests(options.failedStartRestMs)
  const tools: Tools = { options, binary, config, lastGood, master, reloadPace, failedStarts }
  // Not the whole drawing: at thousands of frontends its text and sections are megabytes.
  let served: Pick<Drawing, 'blueprint' | 'layouts'> | undefined

  return {
    name: 'haproxy',
    version,
    capabilities: HAPROXY.capabilities,
    async apply(state, applySignal) {
      const { refused, how, drawing } = await applyState(tools, state, applySignal)
      served = { blueprint: drawing.blueprint, layouts: drawing.layouts }
      log.debug({ how, frontends: state.frontends.length, refused: refused.length }, 'applied to HAProxy')
      return { refused, how }
    },
    async listeners() {
      return (await Promise.all(options.adminFiles.map((path) => listenersIn(path, log)))).flat()
    },
    bound: (boundSignal) => findBound(tools, boundSignal),
    async health(healthSignal) {
      if (served === undefined) return []
      const running = await readRunning(master, healthSignal)
      return running === undefined ? [] : readHealth(served, running.backends)
    },
    close: async () => {},
  }
}

/** The running HAProxy tells addresses only where `option socket-stats` is set. */
async function listenersIn(path: string, log: HaproxyOptions['log']): Promise<readonly Listener[]> {
  const found = readListeners(await readAdminFile(path, log))
  return found.map((one) => ({ ...one, holder: `${one.holder} in ${basename(path)}` }))
}

async function readAdminFile(path: string, log: HaproxyOptions['log']): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    log.warn({ path }, `cannot tell what HAProxy listens on for its administrator: ${errorText(error)}`)
    return ''
  }
}
