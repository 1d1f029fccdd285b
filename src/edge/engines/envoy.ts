import { createRests } from '../../model/rests.ts'
import { askVersion } from './common/version.ts'
import type { Engine } from './engine.ts'
import { createAdmin } from './envoy/admin.ts'
import { applyState } from './envoy/apply.ts'
import { ENVOY } from './envoy/capabilities.ts'
import { drawConfig } from './envoy/drawing.ts'
import { openStateFolder } from './envoy/folder.ts'
import { readHealth, type Served } from './envoy/health.ts'
import { findBound, findForeign } from './envoy/listeners.ts'
import type { EnvoyOptions } from './envoy/options.ts'
import { ENVOY_VERSION } from './envoy/program.ts'
import type { Tools } from './envoy/tools.ts'

/**
 * Works an Envoy that runs as a unit of its own and discovers clusters and listeners in files of ours. What Envoy runs is asked each time, never
 * remembered. Where there are no files of ours yet, some that serve nothing are written, so that the unit can start.
 */
export async function createEnvoyEngine(options: EnvoyOptions, signal: AbortSignal): Promise<Engine> {
  const { configDir, admin: where, binary = 'envoy', log } = options
  const version = await askVersion(binary, ENVOY_VERSION, signal)
  const folder = await openStateFolder(configDir)
  if ((await folder.read()) === undefined) await folder.put(drawConfig([], new Map()))
  const admin = createAdmin(where)
  const failedStarts = createRests(options.failedStartRestMs)
  const tools: Tools = { options, admin, folder, failedStarts }
  // Not the whole drawing: at thousands of frontends its texts are megabytes.
  let served: Served | undefined

  return {
    name: 'envoy',
    version,
    capabilities: ENVOY.capabilities,
    async apply(state, applySignal) {
      const { refused, how, drawing } = await applyState(tools, state, applySignal)
      served = { blueprint: drawing.blueprint, groups: state.groups }
      log.debug({ how, frontends: state.frontends.length, refused: refused.length }, 'applied to Envoy')
      return { refused, how }
    },
    listeners: (listenersSignal) => findForeign(admin, where, listenersSignal),
    bound: (boundSignal) => findBound(admin, boundSignal),
    health: async (healthSignal) => (served === undefined ? [] : readHealth(served, admin, healthSignal)),
    close: async () => {},
  }
}
