/** One of 1,000 nodes leaves while an edge serves 5,000 frontends: how many requests that is, and how many bytes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { step, toStderr } from '../lab/progress.ts'
import { bundleInto, edgeFlags } from './edge-bundle.ts'
import { type Machine, startMachine, startNodes } from './edge-machine.ts'
import { MOST_BYTES } from './edge-rows.ts'
import { applyTable, type Sample } from './edge-series.ts'
import { type Cluster, createCluster, NO_CHANGES, PORTS } from './edge-tables.ts'
import { PROGRAMS } from './programs.ts'
import { atMost, figure, median, type Row } from './table.ts'

const FRONTENDS = 5_000
const ROUNDS = 7

type Leaving = Omit<Sample, 'bareMs'>

export async function benchNodeLeaves(signal: AbortSignal): Promise<readonly Row[]> {
  const kind = PROGRAMS['haproxy']
  if (kind === undefined) throw new Error('HAProxy is not among the programs')
  const dir = mkdtempSync(join(tmpdir(), 'fairway-bench-'))
  const nodes = await startNodes()
  try {
    const cluster = createCluster(FRONTENDS / PORTS, 0, nodes.port)
    const machine = await startMachine(kind, [...edgeFlags(), bundleInto(dir)])
    try {
      return rows(await step(toStderr, `${ROUNDS} nodes leave`, () => measure(machine, cluster, signal)))
    } finally {
      await machine.close()
    }
  } finally {
    await nodes.stop()
    rmSync(dir, { recursive: true })
  }
}

interface Departure {
  /** It drains, and others take its place. */
  readonly leaving: Leaving
  /** It is no more. */
  readonly gone: Leaving
}

async function measure(
  machine: Machine,
  { services, table, busiest }: Cluster,
  signal: AbortSignal,
): Promise<readonly Departure[]> {
  await applyTable(machine, table(services, NO_CHANGES), signal)
  const departures: Departure[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const [before, after] = [busiest.slice(0, round), busiest.slice(0, round + 1)]
    const leaving = busiest.slice(round, round + 1)
    departures.push({
      leaving: await applyTable(machine, table(services, { moved: [], leaving, gone: before }), signal),
      gone: await applyTable(machine, table(services, { moved: [], leaving: [], gone: after }), signal),
    })
  }
  return departures
}

function rows(departures: readonly Departure[]): readonly Row[] {
  const of = (stage: keyof Departure, read: (one: Leaving) => number) => departures.map((one) => read(one[stage]))
  const most = (stage: keyof Departure, read: (one: Leaving) => number) => Math.max(...of(stage, read))
  return (
    [
      ['leaving', 'a node is about to leave'],
      ['gone', 'a node is gone'],
    ] as const
  ).flatMap(([stage, what]) => [
    atMost(
      `${what}: requests that write`,
      most(stage, ({ writes }) => writes),
      '',
      1,
    ),
    atMost(
      `${what}: bytes of all that is sent`,
      most(stage, (one) => one.bytes + one.readBytes) / 1_000,
      'kB',
      MOST_BYTES / 1_000,
    ),
    figure(`${what}: of the write alone`, most(stage, ({ bytes }) => bytes) / 1_000, 'kB'),
    figure(`${what}: until it holds`, median(of(stage, ({ ms }) => ms)), 'ms'),
  ])
}
