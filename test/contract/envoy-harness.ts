/** A real Envoy for tests of its engine. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import type { EnvoyOptions } from '../../src/edge/engines/envoy/options.ts'
import { createEnvoyEngine } from '../../src/edge/engines/envoy.ts'
import { type EnvoyUnit, makeEnvoy } from '../edge-lab/envoy.ts'
import { type AdminPart, type EngineHarness, type EngineWorld, inEngineWorld } from './engine-suite-world.ts'

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

export interface EnvoyHarness extends EngineHarness {
  readonly unit: EnvoyUnit
  readonly options: EnvoyOptions
  /** Ends what `rejectOne` has begun. */
  readonly release: () => Promise<void>
}

export async function startEnvoy(admin: AdminPart, drainS?: number): Promise<EnvoyHarness> {
  const unit = await makeEnvoy(admin, drainS)
  const { configDir, adminSocket, binary } = unit
  const options = { configDir, admin: adminSocket, binary, failedStartRestMs: 0, log }
  const ends: (() => Promise<unknown>)[] = []
  const release = async () => {
    for (const end of ends.splice(0)) await end()
  }
  await unit.prepare()
  await unit.start()
  return {
    unit,
    options,
    engine: () => createEnvoyEngine(options, AbortSignal.timeout(10_000)),
    generation: unit.generation,
    kill: unit.kill,
    start: unit.start,
    rejectAll: unit.breakListeners,
    // The id tells the socket, which somebody else has.
    rejectOne: async (id) => {
      const [, host = '', port = ''] = /tcp\.(.+)\.(\d+)$/.exec(id) ?? []
      const thief = createServer((socket) => socket.destroy())
      await new Promise<void>((resolve) => thief.listen({ host, port: Number(port), exclusive: true }, resolve))
      ends.push(() => new Promise((resolve) => thief.close(resolve)))
    },
    release,
    close: async () => {
      await release()
      await unit.close()
    },
  }
}

/** A test of what only Envoy does. */
export function envoyTest(
  name: string,
  body: (world: EngineWorld, harness: EnvoyHarness) => Promise<void>,
  drainS?: number,
): void {
  test(name, async () => {
    let harness: EnvoyHarness | undefined
    const start = async (admin: AdminPart) => (harness = await startEnvoy(admin, drainS))
    await inEngineWorld({ name: 'envoy', targetsChange: 'runtime', start }, (world) =>
      body(world, harness ?? assert.fail('no harness')),
    )
  })
}
