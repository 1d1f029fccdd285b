import { createAdminClient } from '../../caddy/client.ts'
import { findMigrateProblem } from '../../caddy/tcp-migrate-req.ts'
import { describeProblem } from '../../model/problems.ts'
import { createRests } from '../../model/rests.ts'
import { testBind } from '../bind-test.ts'
import { applyState, type Outcome, type Tools } from './caddy/apply.ts'
import { CADDY } from './caddy/capabilities.ts'
import { healthOf, readVerdicts } from './caddy/health.ts'
import type { CaddyEngineOptions } from './caddy/options.ts'
import { CADDY_VERSION } from './caddy/program.ts'
import { findBound, othersListeners, readRunning } from './caddy/running.ts'
import { openDurableFile } from './common/durable-file.ts'
import { createPace } from './common/pace.ts'
import { askVersion } from './common/version.ts'
import type { Engine, EngineState } from './engine.ts'

/** An answer comes within a second at some thousand frontends. */
const ANSWERS_WITHIN_MS = 15_000

/**
 * Works a Caddy that runs as a unit of its own, by its admin API on this machine. Caddy keeps what it was given by itself (`caddy run --resume`), but
 * not in one go: a file of ours is for when it was killed meanwhile. What it has is asked each time, never remembered.
 */
export async function createCaddyEngine(options: CaddyEngineOptions, signal: AbortSignal): Promise<Engine> {
  const { admin, binary = 'caddy', log } = options
  const version = await askVersion(binary, CADDY_VERSION, signal)
  const migrate = await findMigrateProblem()
  if (migrate !== undefined) log.warn({}, describeProblem(migrate))
  const endpoint = { proxy: 'caddy', ...admin }
  const client = createAdminClient({ ...endpoint, tls: {}, timeoutMs: ANSWERS_WITHIN_MS, userAgent: 'fairway-edge' })
  const tools: Tools = {
    client,
    endpoint,
    saved: await openDurableFile(options.savedFile),
    failedStarts: createRests(options.failedStartRestMs),
    reloadPace: createPace(options.minReloadIntervalMs),
    testBind,
    log,
  }
  let last: (Pick<Outcome, 'served'> & Pick<EngineState, 'groups'>) | undefined

  return {
    name: 'caddy',
    version,
    capabilities: CADDY.capabilities,
    async apply(state, applySignal) {
      const { refused, how, served } = await applyState(tools, state, applySignal)
      last = { served, groups: state.groups }
      log.debug({ how, frontends: served.length, refused: refused.length }, 'applied to Caddy')
      return { refused, how }
    },
    listeners: async (listSignal) => othersListeners(await readRunning(client, endpoint, listSignal), endpoint),
    bound: (boundSignal) => findBound(client, endpoint, boundSignal),
    async health(healthSignal) {
      if (last === undefined) return []
      const { status, body } = await client.get('/metrics', healthSignal)
      return healthOf(last.served, last.groups, readVerdicts(status === 200 ? body : ''))
    },
    close: () => client.close(),
  }
}
