/** Another cluster on the same edge, which changes its own table all the time and remembers what was acknowledged. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Driver } from '../../src/model/driver.ts'
import type { Table } from '../../src/model/table.ts'
import { contentOf, frontend, pass, tableOf } from '../contract/tables.ts'
import { PUBLIC } from './namespace.ts'

/** Its frontend that never changes, and the first of those that do. */
const OTHER_PORTS = { steady: 9_100, changing: 9_101 } as const
const CHANGES_EVERY_MS = 900
/** Ports that it goes through: more than the writes that fail while a fault holds tell apart what was lost. */
const VERSIONS = 30

export interface OtherOwner {
  /** What of its table was lost, or nothing. */
  findLoss(signal: AbortSignal): Promise<string | undefined>
  /** Writes nothing more until `goOn`: what is found then must be what was acknowledged before. */
  hold(): Promise<void>
  goOn(): void
  sockets(): readonly string[]
  close(): Promise<void>
}

export async function startOtherOwner(
  driver: Driver,
  target: { address: string; port: number },
  signal: AbortSignal,
): Promise<OtherOwner> {
  const tableAt = (version: number): Table => {
    const base = { address: PUBLIC.other, targetPort: target.port, group: 'other' }
    const ports = [OTHER_PORTS.steady, OTHER_PORTS.changing + (version % VERSIONS)]
    return tableOf(
      { other: [{ name: 'o1', address: target.address }] },
      ...ports.map((port) => frontend({ ...base, port })),
    )
  }
  const stop = new AbortController()
  const ended = AbortSignal.any([stop.signal, signal])
  let acknowledged = 0
  let attempted = 0
  let held = false
  let writing: Promise<unknown> = pass(driver, tableAt(0), signal)
  await writing

  async function writeOn(): Promise<void> {
    while (!ended.aborted) {
      await sleep(CHANGES_EVERY_MS, undefined, { signal: ended }).catch(() => {})
      if (ended.aborted) return
      if (held) continue
      attempted++
      const version = attempted
      const told = pass(driver, tableAt(version), ended).catch(() => undefined)
      writing = told
      const applied = await told
      if (applied?.refused.length === 0) acknowledged = version
    }
  }
  const loop = writeOn()
  return {
    // Read between two writes: what is there is the last one acknowledged, or one that was tried since.
    findLoss: async (limit) => {
      await writing
      const allowed = Array.from({ length: attempted - acknowledged + 1 }, (_, at) => acknowledged + at)
      const [before, seen] = [attempted, await driver.read(limit)]
      if (before !== attempted) return undefined
      const has = (version: number) =>
        JSON.stringify(contentOf(seen.table)) === JSON.stringify(contentOf(tableAt(version)))
      return allowed.some(has) ? undefined : `the other owner's table is none of versions ${allowed.join()}`
    },
    hold: async () => {
      held = true
      await writing
    },
    goOn: () => {
      held = false
    },
    sockets: () =>
      [OTHER_PORTS.steady, OTHER_PORTS.changing + (acknowledged % VERSIONS)].map(
        (port) => `tcp ${PUBLIC.other}:${port}`,
      ),
    close: async () => {
      stop.abort()
      await loop
      await driver.close()
    },
  }
}
