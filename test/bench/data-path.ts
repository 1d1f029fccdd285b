/**
 * What we render, beside what somebody would write by hand who wants the most of the same program: bytes a second of long transfers, and new connections a
 * second. The proxy has a core of its own, which is what limits both; rounds alternate, and each pair of neighbours gives one ratio.
 */
import { freePort } from '../lab/free-port.ts'
import { step, toStderr } from '../lab/progress.ts'
import { buildLoad, measureLoad, startServer, stayOnProxyCore } from './data-path-load.ts'
import { PAIRS, type ProgramPair, type Route, type Side } from './data-path-programs.ts'
import { startNodes } from './edge-machine.ts'
import { processorMs } from './reaction-chain.ts'
import { atLeast, figure, median, type Row } from './table.ts'

const ROUNDS = 15
const ROUND_MS = 500
/** Of the hand-tuned configuration. */
const LEAST_SHARE = 0.98
const KINDS = {
  transfers: { clients: 8, server: 'serve', title: 'bytes a second', unit: 'GB/s', per: 1e9 },
  connections: { clients: 32, server: 'answer', title: 'new connections a second', unit: '/s', per: 1 },
} as const
type Kind = keyof typeof KINDS

export async function benchDataPath(signal: AbortSignal, _write: boolean, proxy?: string): Promise<readonly Row[]> {
  const load = await buildLoad(signal)
  const pairs = Object.entries(PAIRS).flatMap(([name, pair]) => (proxy === undefined || name === proxy ? pair : []))
  const rows: Row[] = []
  const nodes = await startNodes()
  stayOnProxyCore()
  try {
    for (const pair of pairs) {
      for (const kind of ['transfers', 'connections'] as const) {
        const measured = () => comparePair(load, pair, kind, nodes.port, signal)
        rows.push(...(await step(toStderr, `${pair.title}, ${KINDS[kind].title}`, measured)))
      }
    }
  } finally {
    await nodes.stop()
  }
  return rows
}

interface Sample {
  /** Bytes or connections a second. */
  readonly rate: number
  /** The same for each second of the proxy's own processor time: what is busy beside it on the machine hardly counts. */
  readonly perProcessorSecond: number
}

async function comparePair(
  load: string,
  pair: ProgramPair,
  kind: Kind,
  checkPort: number,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const { server } = KINDS[kind]
  const targetPort = await freePort('0.0.0.0')
  const routeAt = async (address: string): Promise<Route> => {
    return { address, port: await freePort(address), targetPort, checkPort }
  }
  const [ourRoute, tunedRoute] = [await routeAt('127.98.0.1'), await routeAt('127.98.0.2')]
  const target = await startServer(load, server, targetPort)
  const ours = await pair.startOurs(ourRoute)
  const tuned = await pair.startTuned(tunedRoute)
  try {
    const rounds = await takeRounds(
      () => takeSample(load, kind, ourRoute, ours, signal),
      () => takeSample(load, kind, tunedRoute, tuned, signal),
    )
    return rowsOf(pair, kind, rounds)
  } finally {
    await Promise.all([ours.close(), tuned.close(), target.stop()])
  }
}

async function takeSample(
  load: string,
  kind: Kind,
  { address, port }: Route,
  side: Side,
  signal: AbortSignal,
): Promise<Sample> {
  const pids = await side.pids()
  const spent = () => pids.reduce((sum, pid) => sum + processorMs(pid), 0)
  const { clients } = KINDS[kind]
  const before = spent()
  const rate = await measureLoad(load, kind, { at: `${address}:${port}`, clients, ms: ROUND_MS }, signal)
  return { rate, perProcessorSecond: (rate * ROUND_MS) / (spent() - before) }
}

type Round = readonly [Sample, Sample]

/** Who is first alternates. The first round is not counted. */
async function takeRounds(ours: () => Promise<Sample>, tuned: () => Promise<Sample>): Promise<readonly Round[]> {
  const rounds: Round[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    if (round % 2 === 0) rounds.push([await ours(), await tuned()])
    else {
      const theirs = await tuned()
      rounds.push([await ours(), theirs])
    }
  }
  return rounds.slice(1)
}

function rowsOf({ title }: ProgramPair, kind: Kind, rounds: readonly Round[]): readonly Row[] {
  const { unit, per } = KINDS[kind]
  const what = `${title}, ${KINDS[kind].title}`
  const ratio = (read: (sample: Sample) => number) => median(rounds.map(([mine, theirs]) => read(mine) / read(theirs)))
  return [
    figure(`${what}, tuned by hand`, median(rounds.map(([, theirs]) => theirs.rate)) / per, unit),
    figure(`${what}, as rendered`, median(rounds.map(([mine]) => mine.rate)) / per, unit),
    atLeast(
      `${what}: rendered ÷ tuned`,
      ratio((sample) => sample.rate),
      '',
      LEAST_SHARE,
    ),
    figure(
      `${what}: rendered ÷ tuned, for the same processor time`,
      ratio(({ perProcessorSecond }) => perProcessorSecond),
      '',
    ),
  ]
}
