import { CHECK_DEFAULTS } from '../../src/model/checks.ts'
import type { Driver, Observed, Plan } from '../../src/model/driver.ts'
import { FairwayError, type ProblemCode } from '../../src/model/problems.ts'
import {
  type Frontend,
  type HealthCheck,
  makeTable,
  type Owner,
  type Table,
  type Target,
} from '../../src/model/table.ts'
import { diffTables } from '../../src/plan/diff.ts'
import { frontend as plainFrontend } from '../support/builders.ts'
import { local } from './net.ts'

export const PROD: Owner = { cluster: 'prod', className: 'public', uid: '0a4b1f0e-5d2c-4a39-9a86-6c8d9b7e1f23' }

/** A frontend on loopback; `group` and `targetPort` are the world's to set. */
export function frontend(fields: Partial<Frontend> & Pick<Frontend, 'port' | 'targetPort'>): Frontend {
  return plainFrontend({ address: local(5), group: 'both', ...fields })
}

export function tcpCheck(wishes: Partial<HealthCheck> = {}): HealthCheck {
  return { kind: 'tcp', port: undefined, ...CHECK_DEFAULTS, derived: false, ...wishes }
}

export type Groups = Readonly<Record<string, readonly Target[]>>

export function tableOf(groups: Groups, ...frontends: readonly Frontend[]): Table {
  return makeTable(
    frontends,
    Object.entries(groups).map(([id, targets]) => ({ id, targets })),
  )
}

/** A table with its groups inlined and what a proxy need not keep left out. */
export function contentOf(table: Table) {
  const groups = new Map(table.groups.map((group) => [group.id, group.targets]))
  return table.frontends.map((one) => ({
    ...one,
    group: undefined,
    service: undefined,
    targets: groups.get(one.group)?.map(({ address, port }) => ({ address, port })),
  }))
}

export async function planFor(driver: Driver, table: Table, signal: AbortSignal): Promise<Plan> {
  return diffTables(await driver.read(signal), table)
}

/** One pass as the operator makes it. */
export async function pass(driver: Driver, table: Table, signal: AbortSignal) {
  return driver.apply(await planFor(driver, table, signal), signal)
}

/** Reads the difference that is left between a proxy and a table. */
export async function leftOver(driver: Driver, table: Table, signal: AbortSignal): Promise<readonly string[]> {
  const { changes } = await planFor(driver, table, signal)
  return changes.map(({ kind, key }) => `${kind} ${key}`)
}

export function keysOf(observed: Observed): readonly string[] {
  return observed.table.frontends.map(({ protocol, address, port }) => `${protocol} ${address} ${port}`)
}

/** Runs work that must fail with a coded problem, and gives the error. */
export async function failsWith(code: ProblemCode, work: () => Promise<unknown>): Promise<FairwayError> {
  try {
    await work()
  } catch (error) {
    if (error instanceof FairwayError && error.problem.code === code) return error
    throw error
  }
  throw new Error(`expected ${code}`)
}
