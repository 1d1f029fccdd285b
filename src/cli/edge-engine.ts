import { join } from 'node:path'
import type { EngineConfig } from '../config/edge-engines.ts'
import type { EdgeConfig } from '../config/edge-schema.ts'
import { createCaddyEngine } from '../edge/engines/caddy.ts'
import type { Engine } from '../edge/engines/engine.ts'
import { createEnvoyEngine } from '../edge/engines/envoy.ts'
import { createHaproxyEngine } from '../edge/engines/haproxy.ts'
import { createNginxEngine } from '../edge/engines/nginx.ts'
import { createPair } from '../edge/engines/pair.ts'
import type { Log } from '../edge/log.ts'

/** The engine that edge.yaml asks for, each with a folder of its own below `stateDir`. */
export async function createEngine({ engine, stateDir }: EdgeConfig, log: Log, signal: AbortSignal): Promise<Engine> {
  const create = (one: EngineConfig) => createOne(one, join(stateDir, one.kind), log, signal)
  return engine.kind === 'pair'
    ? createPair({ TCP: await create(engine.tcp), UDP: await create(engine.udp) })
    : create(engine)
}

function createOne(engine: EngineConfig, stateDir: string, log: Log, signal: AbortSignal): Promise<Engine> {
  switch (engine.kind) {
    case 'caddy': {
      const { minReloadInterval, ...rest } = engine
      return createCaddyEngine({ ...rest, minReloadIntervalMs: minReloadInterval, log }, signal)
    }
    case 'envoy':
      return createEnvoyEngine({ ...engine, log }, signal)
    case 'haproxy': {
      const { minReloadInterval, hardStopAfter, ...files } = engine
      const times = { minReloadIntervalMs: minReloadInterval, hardStopAfterMs: hardStopAfter }
      return createHaproxyEngine({ ...files, ...times, stateDir, log }, signal)
    }
    case 'nginx': {
      const { minReloadInterval, ...files } = engine
      return createNginxEngine({ ...files, minReloadIntervalMs: minReloadInterval, stateDir, log }, signal)
    }
  }
  return engine satisfies never
}
