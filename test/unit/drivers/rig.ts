import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { CaddyOptions } from '../../../src/drivers/caddy/options.ts'
import { createCaddyDriver } from '../../../src/drivers/caddy.ts'
import type { Dial, Verdict } from '../../../src/drivers/common/probe.ts'
import type { Applied, Driver, Observed, Plan } from '../../../src/model/driver.ts'
import { FairwayError, type ProblemCode } from '../../../src/model/problems.ts'
import { type Frontend, frontendKey, makeTable, type Table } from '../../../src/model/table.ts'
import { type FakeAdmin, startFakeAdmin } from './fake-admin.ts'
import { NODES, OWNER } from './tables.ts'

export const signal = AbortSignal.timeout(30_000)
const silent = { debug: () => {}, info: () => {}, warn: () => {} }

/** A fake admin API and drivers for it, which end with the test. */
export interface Rig {
  readonly fake: FakeAdmin
  driver(overrides?: Partial<CaddyOptions>, dial?: Dial): Driver
  /** The servers that the fake has now. */
  servers(): Readonly<Record<string, unknown>>
}

export async function createRig(context: TestContext): Promise<Rig> {
  const fake = await startFakeAdmin()
  context.after(() => fake.close())
  const options = {
    proxy: 'edge-1',
    url: fake.url,
    tls: {},
    owner: OWNER,
    listen: {},
    probe: true,
    timeoutMs: 2_000,
    log: silent,
  }
  return {
    fake,
    driver(overrides = {}, dial = says('refused')) {
      const created = createCaddyDriver({ ...options, declares: () => true, ...overrides }, dial)
      context.after(() => created.close())
      return created
    },
    servers() {
      const layer4 = fake.apps?.['layer4']
      assert(typeof layer4 === 'object' && layer4 !== null && 'servers' in layer4 && typeof layer4.servers === 'object')
      return { ...layer4.servers }
    },
  }
}

export function says(verdict: Verdict): Dial {
  return async (targets) => targets.map(() => verdict)
}

export function tableOf(...frontends: readonly Frontend[]): Table {
  return makeTable(frontends, [{ id: 'nodes', targets: NODES }])
}

/** A plan that has each of the table's frontends as an addition: which changes it lists makes no difference to the driver. */
export function planFor(observed: Observed, table: Table): Plan {
  const additions = table.frontends.map((one) => ({ kind: 'add', key: frontendKey(one), after: one }) as const)
  const removals = observed.table.frontends.map(
    (one) => ({ kind: 'remove', key: frontendKey(one), before: one }) as const,
  )
  return { observed, table, changes: [...removals, ...additions], keep: new Set(), strays: [] }
}

export async function applyTo(one: Driver, table: Table): Promise<Applied> {
  return one.apply(planFor(await one.read(signal), table), signal)
}

export async function failsWith(code: ProblemCode, work: () => Promise<unknown>): Promise<FairwayError> {
  try {
    await work()
  } catch (error) {
    assert(error instanceof FairwayError, String(error))
    assert.equal(error.problem.code, code, error.message)
    return error
  }
  return assert.fail(`expected ${code}`)
}

export function codes(applied: Applied): readonly string[] {
  return applied.refused.map((one) => `${one.key} ${one.problem.code}`)
}
