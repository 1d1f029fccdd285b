/** A real Caddy with an engine for it, and an administrator's server. FAIRWAY_CADDY: one with the real layer4 app in place of the stand-in. */
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { rootCertificates } from 'node:tls'
import type { CaddyEngineOptions } from '../../src/edge/engines/caddy/options.ts'
import { createCaddyEngine } from '../../src/edge/engines/caddy.ts'
import type { Engine } from '../../src/edge/engines/engine.ts'
import { hostPort } from '../../src/model/address.ts'
import { type CaddyUnit, makeCaddy } from '../edge-lab/caddy.ts'
import { type AdminPart, type EngineHarness, type EngineWorld, inEngineWorld } from './engine-suite-world.ts'

export const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

export interface CaddyHarness extends EngineHarness {
  readonly unit: CaddyUnit
  readonly options: CaddyEngineOptions
}

export function adminApps({ from, to }: AdminPart) {
  const handle = [{ handler: 'proxy', upstreams: [{ dial: [hostPort(to.address, to.port)] }] }]
  return { layer4: { servers: { admin: { listen: [hostPort(from.address, from.port)], routes: [{ handle }] } } } }
}

export async function startHarness(admin: AdminPart): Promise<CaddyHarness> {
  const unit = await makeCaddy(adminApps(admin))
  const { binary, savedFile, socketPath } = unit
  const rests = { minReloadIntervalMs: 0, failedStartRestMs: 0 }
  const options = { admin: { url: 'http://localhost', socketPath }, binary, savedFile, ...rests, log }
  const engines: Engine[] = []
  const thieves: Server[] = []
  try {
    await unit.start()
  } catch (error) {
    await unit.close()
    throw error
  }
  return {
    unit,
    options,
    engine: async () => {
      const engine = await createCaddyEngine(options, AbortSignal.timeout(10_000))
      engines.push(engine)
      return engine
    },
    generation: unit.generation,
    kill: unit.kill,
    start: unit.start,
    rejectAll: () => rejectAll(unit),
    rejectOne: async (id) => void thieves.push(await takePort(id)),
    close: async () => {
      for (const thief of thieves) thief.close()
      await Promise.all(engines.map((engine) => engine.close()))
      await unit.close()
    },
  }
}

/** A file that is read each time a configuration is loaded, and is gone the next time. */
async function rejectAll({ dir, admin }: CaddyUnit): Promise<() => Promise<void>> {
  const file = join(dir, 'fragile.pem')
  await writeFile(file, rootCertificates[0] ?? '')
  const transport = { protocol: 'http', tls: { ca: { provider: 'file', pem_files: [file] } } }
  const handle = [{ handler: 'reverse_proxy', transport, upstreams: [{ dial: '127.0.0.1:9' }] }]
  const server = { listen: [`unix/${join(dir, 'fragile.sock')}`], routes: [{ handle }] }
  await admin('PUT', '/config/apps/http', { servers: { fragile: server } })
  await rm(file)
  return async () => {
    await writeFile(file, rootCertificates[0] ?? '')
    await admin('DELETE', '/config/apps/http')
  }
}

/** Of one frontend Caddy rejects what it cannot bind: this takes its port. */
async function takePort(id: string): Promise<Server> {
  const [, host = '', port] = /tcp\.([\d.]+)\.(\d+)$/.exec(id) ?? []
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => void server.listen({ host, port: Number(port), exclusive: true }, resolve))
  return server
}

/** A test of what only Caddy does. */
export function caddyTest(name: string, body: (world: EngineWorld, harness: CaddyHarness) => Promise<void>): void {
  test(`caddy: ${name}`, async () => {
    let harness: CaddyHarness | undefined
    const start = async (admin: AdminPart) => (harness = await startHarness(admin))
    await inEngineWorld({ name: 'caddy', targetsChange: 'reload', start }, (world) =>
      body(world, harness ?? assert.fail('no harness')),
    )
  })
}
