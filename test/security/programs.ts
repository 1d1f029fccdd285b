/** Each proxy program, real and empty, with the engine that works it and what reads back all that it has loaded. */
import { createCaddyEngine } from '../../src/edge/engines/caddy.ts'
import type { Engine } from '../../src/edge/engines/engine.ts'
import { createEnvoyEngine } from '../../src/edge/engines/envoy.ts'
import { createHaproxyEngine } from '../../src/edge/engines/haproxy.ts'
import { createNginxEngine } from '../../src/edge/engines/nginx.ts'
import { makeCaddy } from '../edge-lab/caddy.ts'
import { makeEnvoy } from '../edge-lab/envoy.ts'
import { makeHaproxy } from '../edge-lab/haproxy.ts'
import { makeNginx, NGINX } from '../edge-lab/nginx.ts'
import type { ProxyUnit } from '../edge-lab/unit.ts'
import type { Reading } from './meant.ts'
import { readCaddy } from './read-caddy.ts'
import { readEnvoy } from './read-envoy.ts'
import { readHaproxy } from './read-haproxy.ts'
import { readNginx } from './read-nginx.ts'

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const pace = { minReloadIntervalMs: 0, log }

export interface Loaded {
  readonly unit: ProxyUnit
  readonly engine: () => Promise<Engine>
  readonly read: () => Promise<readonly Reading[]>
}

const soon = () => AbortSignal.timeout(30_000)

const MAKERS: Readonly<Record<string, () => Promise<Loaded>>> = {
  haproxy: async () => {
    const unit = await makeHaproxy()
    const { adminFile, configFile, masterSocket, stateDir } = unit
    const options = { configFile, adminFiles: [adminFile], masterSocket, stateDir, ...pace }
    return { unit, engine: () => createHaproxyEngine(options, soon()), read: () => readHaproxy(unit) }
  },
  nginx: async () => {
    const unit = await makeNginx()
    const { mainFile, configFile, socketDir, errorLog, stateDir } = unit
    const options = {
      mainFile,
      configFile,
      socketDir,
      errorLog,
      stateDir,
      binary: NGINX,
      failedStartRestMs: 0,
      ...pace,
    }
    return { unit, engine: () => createNginxEngine(options, soon()), read: () => readNginx(unit) }
  },
  envoy: async () => {
    const unit = await makeEnvoy()
    const { configDir, adminSocket: admin, binary } = unit
    const options = { configDir, admin, binary, failedStartRestMs: 0, log }
    return { unit, engine: () => createEnvoyEngine(options, soon()), read: () => readEnvoy(unit) }
  },
  caddy: async () => {
    const unit = await makeCaddy()
    const { binary, savedFile, socketPath } = unit
    const admin = { url: 'http://localhost', socketPath }
    const options = { admin, binary, savedFile, failedStartRestMs: 0, ...pace }
    return { unit, engine: () => createCaddyEngine(options, soon()), read: () => readCaddy(unit) }
  },
}

export const PROGRAMS = Object.keys(MAKERS)

/** Starts a program by its name; `unit.close` ends it. */
export async function startProgram(name: string): Promise<Loaded> {
  const make = MAKERS[name]
  if (make === undefined) throw new Error(`${name} is none of ${PROGRAMS.join(', ')}`)
  const loaded = await make()
  await loaded.unit.prepare()
  await loaded.unit.start()
  return loaded
}
