/** A real nginx for tests of its engine, with a part of its administrator's. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { Engine } from '../../src/edge/engines/engine.ts'
import type { NginxOptions } from '../../src/edge/engines/nginx/options.ts'
import { upstreamName } from '../../src/edge/engines/nginx/render-socket.ts'
import { createNginxEngine } from '../../src/edge/engines/nginx.ts'
import { hostPort } from '../../src/model/address.ts'
import { makeNginx, NGINX, type NginxUnit } from '../edge-lab/nginx.ts'
import { type AdminPart, type EngineHarness, type EngineWorld, inEngineWorld } from './engine-suite-world.ts'

/** Settings that would be noticed if they reached our servers. */
function adminText({ from, to }: AdminPart): string {
  return `  proxy_timeout 200ms;
  proxy_connect_timeout 200ms;
  proxy_protocol on;
  ssl_preread on;
  preread_timeout 50ms;
  deny all;

  server {
    listen ${hostPort(from.address, from.port)};
    proxy_pass ${hostPort(to.address, to.port)};
    proxy_timeout 1m;
    proxy_protocol off;
    ssl_preread off;
    allow all;
  }
`
}

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

export interface NginxHarness extends EngineHarness {
  readonly unit: NginxUnit
  readonly options: NginxOptions
  /** Changes the administrator's file; what it resolves with undoes it. */
  readonly edit: (change: (text: string) => string) => Promise<() => Promise<void>>
}

export async function startHarness(admin: AdminPart): Promise<NginxHarness> {
  const unit = await makeNginx({ stream: adminText(admin) })
  const { mainFile, configFile, socketDir, errorLog, stateDir } = unit
  const rests = { minReloadIntervalMs: 0, failedStartRestMs: 0 }
  const options = { mainFile, configFile, socketDir, errorLog, stateDir, binary: NGINX, ...rests, log }
  const engine = (): Promise<Engine> => createNginxEngine(options, AbortSignal.timeout(10_000))
  await unit.prepare()
  await unit.start()
  const edit = async (change: (text: string) => string) => {
    const before = await readFile(mainFile, 'utf8')
    await writeFile(mainFile, change(before))
    return () => writeFile(mainFile, before)
  }
  return {
    unit,
    options,
    edit,
    engine,
    generation: unit.generation,
    kill: unit.kill,
    start: unit.start,
    rejectAll: () => edit((text) => `${text}nonsense;\n`),
    rejectOne: async (id) => {
      await edit((text) =>
        text.replace('stream {\n', `stream {\n  upstream ${upstreamName(id)} { server 192.0.2.1:1; }\n`),
      )
    },
    close: unit.close,
  }
}

/** A test of what only nginx does. */
export function nginxTest(name: string, body: (world: EngineWorld, harness: NginxHarness) => Promise<void>): void {
  test(name, async () => {
    let harness: NginxHarness | undefined
    const start = async (admin: AdminPart) => (harness = await startHarness(admin))
    await inEngineWorld({ name: 'nginx', targetsChange: 'reload', start }, (world) =>
      body(world, harness ?? assert.fail('no harness')),
    )
  })
}
