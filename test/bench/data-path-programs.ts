/** Each program twice: with what we render for a Service, and with a configuration that was tuned by hand for the same (data-path/). */
import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { createCaddyEngine } from '../../src/edge/engines/caddy.ts'
import type { Engine } from '../../src/edge/engines/engine.ts'
import { createEnvoyEngine } from '../../src/edge/engines/envoy.ts'
import { createHaproxyEngine } from '../../src/edge/engines/haproxy.ts'
import { createNginxEngine } from '../../src/edge/engines/nginx.ts'
import { stateOf } from '../contract/engine-suite-world.ts'
import { makeCaddy } from '../edge-lab/caddy.ts'
import { makeEnvoy } from '../edge-lab/envoy.ts'
import { makeHaproxy } from '../edge-lab/haproxy.ts'
import { makeNginx, NGINX } from '../edge-lab/nginx.ts'
import type { ProxyUnit } from '../edge-lab/unit.ts'
import { frontend } from '../support/builders.ts'

const READY_WITHIN_MS = 30_000
const TUNED = join(import.meta.dirname, 'data-path')
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const rests = { minReloadIntervalMs: 0, failedStartRestMs: 0 }

/** Ten nodes that are all this machine. */
const TARGETS = Array.from({ length: 10 }, (_, index) => `127.99.0.${1 + index}`)

/** A frontend, where its targets answer, and where their nodes say that they are well. */
export interface Route {
  readonly address: string
  readonly port: number
  readonly targetPort: number
  readonly checkPort: number
}

/** A program that serves a route. */
export interface Side {
  /** Of all its processes. */
  readonly pids: () => Promise<readonly number[]>
  readonly close: () => Promise<void>
}

export interface ProgramPair {
  readonly title: string
  readonly startOurs: (route: Route) => Promise<Side>
  readonly startTuned: (route: Route) => Promise<Side>
}

export const PAIRS: Readonly<Record<string, ProgramPair>> = {
  haproxy: {
    title: 'HAProxy',
    startOurs: async (route) => {
      const unit = await makeHaproxy()
      const { adminFile, configFile, masterSocket, stateDir } = unit
      const options = { configFile, adminFiles: [adminFile], masterSocket, stateDir, ...rests, log }
      return serveOurs(unit, (signal) => createHaproxyEngine(options, signal), route)
    },
    startTuned: async (route) => {
      const unit = await makeHaproxy()
      await writeFile(unit.configFile, await tunedText('haproxy.cfg', route, haproxyTargets))
      return started(unit)
    },
  },
  nginx: {
    title: 'nginx',
    startOurs: async (route) => {
      const unit = await makeNginx()
      const { mainFile, configFile, socketDir, errorLog, stateDir } = unit
      const options = { mainFile, configFile, socketDir, errorLog, stateDir, binary: NGINX, ...rests, log }
      return serveOurs(unit, (signal) => createNginxEngine(options, signal), route)
    },
    startTuned: async (route) => {
      const unit = await makeNginx()
      await unit.prepare()
      // Behind what tells the harness that it runs.
      const own = await readFile(unit.configFile, 'utf8')
      await writeFile(unit.configFile, own + (await tunedText('nginx.conf', route, nginxTargets)))
      return started(unit)
    },
  },
  envoy: {
    title: 'Envoy',
    startOurs: async (route) => {
      const unit = await makeEnvoy()
      const { configDir, adminSocket, binary } = unit
      const options = { configDir, admin: adminSocket, binary, ...rests, log }
      return serveOurs(unit, (signal) => createEnvoyEngine(options, signal), route)
    },
    startTuned: async (route) => {
      const unit = await makeEnvoy()
      await unit.prepare()
      const resources = parse(await tunedText('envoy.yaml', route, envoyTargets)) as EnvoyResources
      await writeEnvoyFiles(unit.configDir, resources)
      return started(unit)
    },
  },
  caddy: {
    title: 'Caddy',
    startOurs: async (route) => {
      const unit = await makeCaddy()
      const { binary, savedFile, socketPath } = unit
      const options = { admin: { url: 'http://localhost', socketPath }, binary, savedFile, ...rests, log }
      return serveOurs(unit, (signal) => createCaddyEngine(options, signal), route)
    },
    startTuned: async (route) => {
      const unit = await makeCaddy(parse(await tunedText('caddy.yaml', route, caddyTargets)) as Record<string, unknown>)
      return started(unit)
    },
  },
}

async function started(unit: ProxyUnit): Promise<Side> {
  try {
    await unit.start()
    return unit
  } catch (error) {
    await unit.close()
    throw error
  }
}

async function serveOurs(
  unit: ProxyUnit,
  create: (signal: AbortSignal) => Promise<Engine>,
  { checkPort, ...route }: Route,
): Promise<Side> {
  const limit = AbortSignal.timeout(READY_WITHIN_MS)
  await unit.prepare()
  await started(unit)
  const engine = await create(limit)
  // As the operator derives it for a Service; programs without such checks leave it out.
  const rhythm = { intervalMs: 5_000, timeoutMs: 2_000, rise: 2, fall: 3 }
  const healthCheck = { kind: 'http', port: checkPort, ...rhythm, derived: true } as const
  const nodes = TARGETS.map((address) => ({ address, name: address }))
  const { refused } = await engine.apply(stateOf({ nodes }, frontend({ ...route, group: 'nodes', healthCheck })), limit)
  await engine.close()
  if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused)}`)
  // Both have the same past then. Reloads change how memory lies, which costs nginx up to 4% a connection, whoever wrote its file.
  await unit.kill()
  return started(unit)
}

/** A hand-tuned file, for a route. */
async function tunedText(file: string, route: Route, targets: (route: Route) => string): Promise<string> {
  const text = await readFile(join(TUNED, file), 'utf8')
  return text
    .replaceAll('@ADDRESS@', route.address)
    .replaceAll('@PORT@', String(route.port))
    .replaceAll('@CHECK_PORT@', String(route.checkPort))
    .replaceAll('@TARGETS@', targets(route))
}

function haproxyTargets({ targetPort }: Route): string {
  return TARGETS.map((address, index) => `server t${index} ${address}:${targetPort}`).join('\n  ')
}

function nginxTargets({ targetPort }: Route): string {
  return TARGETS.map((address) => `server ${address}:${targetPort};`).join('\n  ')
}

function caddyTargets({ targetPort }: Route): string {
  return JSON.stringify(TARGETS.map((address) => ({ dial: [`${address}:${targetPort}`] })))
}

function envoyTargets({ targetPort, checkPort }: Route): string {
  const endpoint = (address: string) => ({
    address: { socket_address: { address, port_value: targetPort } },
    health_check_config: { port_value: checkPort },
  })
  return JSON.stringify(TARGETS.map((address) => ({ endpoint: endpoint(address) })))
}

interface EnvoyResources {
  readonly clusters: readonly object[]
  readonly listeners: readonly object[]
}

async function writeEnvoyFiles(configDir: string, { clusters, listeners }: EnvoyResources): Promise<void> {
  await mkdir(join(configDir, 'tuned'))
  const files = { 'cds.json': clusters, 'lds.json': listeners }
  for (const [name, resources] of Object.entries(files)) {
    await writeFile(join(configDir, 'tuned', name), JSON.stringify({ version_info: '1', resources }))
  }
  await symlink('tuned', join(configDir, 'next'))
  await rename(join(configDir, 'next'), join(configDir, 'current'))
}
