/**
 * What we render, beside what somebody would write by hand who wants the most of the same program: bytes a second of long transfers, and new connections a
 * second. The proxy has a core of its own, which is what limits both. Samples are short and take turns, each pair of neighbours gives one ratio, and both
 * programs are started anew several times: one and the same configuration differs by some percent from start to start.
 */
import { freePort } from '../lab/free-port.ts'
import { step, toStderr } from '../lab/progress.ts'
import {
  buildLoad,
  type LoadClients,
  type Sample,
  startClients,
  startServer,
  stayOnProxyCore,
} from './data-path-load.ts'
import { PAIRS, type ProgramPair, type Route, type Side } from './data-path-programs.ts'
import { startNodes } from './edge-machine.ts'
import { atLeast, figure, median, type Row } from './table.ts'

/** Of both programs. */
const STARTS = 10
/** Two neighbours each, for every start. */
const ROUNDS = 6
/** Of the hand-tuned configuration. */
const LEAST_SHARE = 0.98
const KINDS = {
  transfers: { amount: 96e6, clients: 8, server: 'serve', title: 'bytes a second', unit: 'GB/s', per: 1e9 },
  connections: { amount: 600, clients: 32, server: 'answer', title: 'new connections a second', unit: '/s', per: 1 },
} as const
type Kind = keyof typeof KINDS

export async function benchDataPath(signal: AbortSignal, _write: boolean, proxy?: string): Promise<readonly Row[]> {
  const load = await buildLoad(signal)
  const pairs = Object.entries(PAIRS).flatMap(([name, pair]) => (proxy === undefined || name === proxy ? pair : []))
  const rows: Row[] = []
  const nodes = await startNodes()
  stayOnProxyCore()
  const clients = await startClients(load)
  try {
    for (const pair of pairs) {
      for (const kind of ['transfers', 'connections'] as const) {
        const measured = () => comparePair({ load, clients, checkPort: nodes.port }, pair, kind, signal)
        const rounds = await step(toStderr, `${pair.title}, ${KINDS[kind].title}`, measured)
        rows.push(...rowsOf(pair, kind, rounds))
      }
    }
  } finally {
    await clients.stop()
    await nodes.stop()
  }
  return rows
}

interface World {
  readonly load: string
  readonly clients: LoadClients
  /** Where nodes say that they are well. */
  readonly checkPort: number
}

type Round = readonly [ours: Sample, tuned: Sample]

/** Takes samples of both sides of a pair. */
export async function comparePair(
  { load, clients, checkPort }: World,
  { startOurs, startTuned }: Pick<ProgramPair, 'startOurs' | 'startTuned'>,
  kind: Kind,
  signal: AbortSignal,
): Promise<readonly Round[]> {
  const targetPort = await freePort('0.0.0.0')
  const target = await startServer(load, KINDS[kind].server, targetPort)
  const routeAt = async (address: string): Promise<Route> => {
    return { address, port: await freePort(address), targetPort, checkPort }
  }
  const rounds: Round[] = []
  try {
    for (let start = 0; start < STARTS; start++) {
      signal.throwIfAborted()
      const [ourRoute, tunedRoute] = [await routeAt('127.98.0.1'), await routeAt('127.98.0.2')]
      const ours = await startOurs(ourRoute)
      const tuned = await startTuned(tunedRoute)
      try {
        const samplers = [
          await warmUp(clients, kind, ourRoute, ours),
          await warmUp(clients, kind, tunedRoute, tuned),
        ] as const
        rounds.push(...(await takeRounds(...samplers)))
      } finally {
        await Promise.all([ours.close(), tuned.close()])
      }
    }
  } finally {
    await target.stop()
  }
  return rounds
}

/** Gives what takes a sample of a side. A program that was started is not all there until it has worked: some fork their workers after they answer. */
async function warmUp(
  clients: LoadClients,
  kind: Kind,
  { address, port }: Route,
  side: Side,
): Promise<() => Promise<Sample>> {
  const { amount, clients: count } = KINDS[kind]
  const order = { what: kind, at: `${address}:${port}`, clients: count, amount }
  await clients.measure({ ...order, pids: [] })
  const pids = await side.pids()
  return () => clients.measure({ ...order, pids })
}

/** Who is first alternates. */
async function takeRounds(ours: () => Promise<Sample>, tuned: () => Promise<Sample>): Promise<readonly Round[]> {
  const rounds: Round[] = []
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 2 === 0) rounds.push([await ours(), await tuned()])
    else {
      const theirs = await tuned()
      rounds.push([await ours(), theirs])
    }
  }
  return rounds
}

const rateOf = ({ amount, elapsedNs }: Sample) => (1e9 * amount) / elapsedNs
/** What is busy beside the proxy on the machine hardly counts here. */
const perProcessorSecond = ({ amount, spentNs }: Sample) => (1e9 * amount) / spentNs

/** The median of what the pairs of neighbours say. */
export function ratioOf(rounds: readonly Round[], read: (sample: Sample) => number): number {
  return median(rounds.map(([mine, theirs]) => read(mine) / read(theirs)))
}

function rowsOf({ title }: ProgramPair, kind: Kind, rounds: readonly Round[]): readonly Row[] {
  const { unit, per } = KINDS[kind]
  const what = `${title}, ${KINDS[kind].title}`
  return [
    figure(`${what}, tuned by hand`, median(rounds.map(([, theirs]) => rateOf(theirs))) / per, unit),
    figure(`${what}, as rendered`, median(rounds.map(([mine]) => rateOf(mine))) / per, unit),
    atLeast(`${what}: rendered ÷ tuned`, ratioOf(rounds, rateOf), '', LEAST_SHARE),
    figure(`${what}: rendered ÷ tuned, for the same processor time`, ratioOf(rounds, perProcessorSecond), ''),
  ]
}
