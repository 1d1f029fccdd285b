import { loadEdgeConfig } from '../config/edge-config.ts'
import { startEdge } from '../edge/edge.ts'
import { thisMachine } from '../edge/obstacles.ts'
import { createEngine } from './edge-engine.ts'
import { createLog } from './log.ts'
import { VERSION } from './version.ts'

export interface EdgeFlags {
  readonly config: string
  readonly logLevel: string
}

/** `fairway edge`: serves the tables of clusters by the local proxy program, until the signal ends it. What is served then is served on. */
export async function edge(flags: EdgeFlags, signal: AbortSignal): Promise<void> {
  // Who looks for what listens on a port finds this.
  process.title = 'fairway-edge'
  const log = createLog(flags.logLevel)
  const config = await loadEdgeConfig(flags.config)
  const engine = await createEngine(config, log, signal)
  const running = await startEdge({ config, engine, machine: thisMachine, version: VERSION, log })
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  log.info({}, 'stopping after the change in hand; the proxy program serves on')
  await running.stop()
}
