/**
 * Changes through the whole chain, from the driver's call until the program is seen to serve them and all of it is on the disk, beside the program's own time
 * for the same made by hand. In turn, so that a busy moment of the machine meets both.
 */
import type { Table } from '../../src/model/table.ts'
import { diffTables } from '../../src/plan/diff.ts'
import type { Machine } from './edge-machine.ts'
import { type Cluster, NO_CHANGES, type NodeChanges } from './edge-tables.ts'
import { median } from './table.ts'

export const ROUNDS = 7

interface Reading {
  readonly readMs: number
  readonly readBytes: number
}

/** One change. */
export interface Sample extends Reading {
  /** Of the driver's `apply`. */
  readonly ms: number
  readonly bytes: number
  /** Requests that write. */
  readonly writes: number
  readonly bareMs: number
}

export interface Measured {
  readonly frontends: number
  /** `haproxy 2.6.12` */
  readonly engine: string
  /** A Service comes: there is something to open. */
  readonly service: readonly Sample[]
  /** A node has another address. */
  readonly target: readonly Sample[]
  /** A node is about to leave: it drains, and others take its place. */
  readonly node: readonly Sample[]
  /** A look at what has not changed. */
  readonly idle: Reading
  /** Of the edge, in bytes. */
  readonly memory: { readonly resident: number; readonly peak: number }
}

export async function measureChanges(
  machine: Machine,
  cluster: Cluster,
  frontends: number,
  signal: AbortSignal,
): Promise<Measured> {
  const { services, table, busiest } = cluster
  await applyTable(machine, table(services, NO_CHANGES), signal)
  await machine.byHand.start()
  const [service, target, node]: [Sample[], Sample[], Sample[]] = [[], [], []]
  for (let round = 1; round <= ROUNDS; round++) {
    const sample = await applyTable(machine, table(services + round, NO_CHANGES), signal)
    service.push({ ...sample, bareMs: await machine.byHand.load() })
  }
  const [movers, leavers] = [busiest.slice(0, ROUNDS), busiest.slice(ROUNDS, 2 * ROUNDS)]
  for (let round = 0; round < ROUNDS; round++) {
    const change = (changes: Omit<NodeChanges, 'gone'>) => {
      // Those that were leaving before are gone by now.
      const wanted = table(services + ROUNDS, { ...changes, gone: leavers.slice(0, round) })
      return changeTargets(machine, wanted, signal)
    }
    await change({ moved: movers.slice(0, round), leaving: [] })
    const moved = movers.slice(0, round + 1)
    target.push(await change({ moved, leaving: [] }))
    node.push(await change({ moved, leaving: leavers.slice(round, round + 1) }))
  }
  const { engine, memory } = machine
  return { frontends, engine, service, target, node, idle: await readIdle(machine, signal), memory: memory() }
}

async function readIdle(machine: Machine, signal: AbortSignal): Promise<Reading> {
  const readings: Reading[] = []
  for (let round = 0; round < ROUNDS; round++) readings.push((await readTable(machine, signal)).reading)
  return {
    readMs: median(readings.map(({ readMs }) => readMs)),
    readBytes: median(readings.map(({ readBytes }) => readBytes)),
  }
}

async function readTable({ driver, wire }: Machine, signal: AbortSignal) {
  wire.count()
  const startedAt = performance.now()
  const observed = await driver.read(signal)
  return { observed, reading: { readMs: performance.now() - startedAt, readBytes: wire.count() } }
}

export async function applyTable(machine: Machine, table: Table, signal: AbortSignal): Promise<Omit<Sample, 'bareMs'>> {
  const { driver, wire } = machine
  const { observed, reading } = await readTable(machine, signal)
  const plan = diffTables(observed, table)
  machine.countWrites()
  const startedAt = performance.now()
  const { refused } = await driver.apply(plan, signal)
  const ms = performance.now() - startedAt
  const [first] = refused
  if (first !== undefined) throw new Error(`${refused.length} frontends are refused: ${JSON.stringify(first)}`)
  return { ms, bytes: wire.count(), writes: machine.countWrites(), ...reading }
}

async function changeTargets(machine: Machine, table: Table, signal: AbortSignal): Promise<Sample> {
  const sample = await applyTable(machine, table, signal)
  return { ...sample, bareMs: await machine.byHand.retarget() }
}
