/** From a new Service to its open port, while 5,000 others exist over 1,000 nodes: API server, operator, edge and HAProxy are the real ones. */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type HaproxyUnit, makeHaproxy } from '../edge-lab/haproxy.ts'
import { step, toStderr } from '../lab/progress.ts'
import { elsewhere, run } from './by-hand.ts'
import { type Chain, startChain } from './reaction-chain.ts'
import { type Place, watchCreated } from './reaction-cluster.ts'
import { atMost, figure, type Row } from './table.ts'

const SERVICES = 5_000
const NODES = 1_000
const ROUNDS = 41
/** What may come on top of HAProxy's own reload, at the 99th percentile. */
const MOST_BEYOND_MS = 150
const SERVED_WITHIN_MS = 60_000
const PROBE_EVERY_MS = 2
/** A reload by hand must not meet what the operator still tells the Service, nor the next Service either. */
const REST_MS = { atLeast: 1_200, atMost: 2_700 }

interface Round {
  /** From the moment at which a plain watch sees the Service until its port takes a connection. */
  readonly ours: number
  /** `haproxy -c`, a reload, and until the same port takes a connection: another HAProxy with the same file. */
  readonly byHand: number
}

export async function benchReaction(signal: AbortSignal): Promise<readonly Row[]> {
  const chain = await startChain(SERVICES, NODES, signal)
  const bare = await makeHaproxy()
  try {
    await writeFile(bare.configFile, await byHandText(chain.haproxy))
    await bare.start()
    return rows(await step(toStderr, `${ROUNDS} Services, one by one`, () => measure(chain, bare, signal)))
  } finally {
    await bare.close()
    await chain.stop()
  }
}

async function measure({ cluster, haproxy }: Chain, bare: HaproxyUnit, signal: AbortSignal): Promise<readonly Round[]> {
  const over = new AbortController()
  const seen = new Map<string, number>()
  await watchCreated(cluster, ({ name, at }) => seen.set(name, at), AbortSignal.any([over.signal, signal]))
  const rounds: Round[] = []
  for (let number = 0; number < ROUNDS; number++) {
    await rest(signal)
    const place = await cluster.createService(number, signal)
    const servedAt = await untilServed(place, signal)
    const seenAt = seen.get(`later-${number}`)
    if (seenAt === undefined) throw new Error('the watch has not seen a Service that is served')
    await rest(signal)
    const text = await byHandText(haproxy)
    rounds.push({ ours: servedAt - seenAt, byHand: await reloadByHand(bare, text, place, signal) })
  }
  over.abort()
  return rounds
}

/** Of random length, so that the operator's own clocks are met at any moment. */
async function rest(signal: AbortSignal): Promise<void> {
  const { atLeast, atMost: most } = REST_MS
  await sleep(atLeast + Math.random() * (most - atLeast), undefined, { signal })
}

async function byHandText({ configFile }: HaproxyUnit): Promise<string> {
  return elsewhere(await readFile(configFile, 'utf8'))
}

async function reloadByHand(
  { dir, adminFile, configFile, master }: HaproxyUnit,
  text: string,
  { address, port }: Place,
  signal: AbortSignal,
): Promise<number> {
  const next = join(dir, 'next.cfg')
  await writeFile(next, text)
  const startedAt = performance.now()
  await run('haproxy', ['-c', '-f', adminFile, '-f', next], { signal })
  await rename(next, configFile)
  await master.reload(signal)
  return (await untilServed({ address: elsewhere(address), port }, signal)) - startedAt
}

/** Resolves with the moment at which a port takes a connection. */
export async function untilServed({ address, port }: Place, signal: AbortSignal): Promise<number> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(SERVED_WITHIN_MS)])
  while (!(await takesConnection(address, port))) await sleep(PROBE_EVERY_MS, undefined, { signal: limit })
  return performance.now()
}

function takesConnection(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (taken: boolean) => {
      socket.destroy()
      resolve(taken)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
}

function rows(rounds: readonly Round[]): readonly Row[] {
  const [ours, byHand] = [rounds.map((round) => round.ours), rounds.map((round) => round.byHand)]
  // Beyond the median of what HAProxy takes: a busy moment of the machine in its rounds must not make ours look short.
  const beyond = (share: number) => quantile(ours, share) - quantile(byHand, 0.5)
  return [
    figure('a new Service: watch event to open port, p50', quantile(ours, 0.5), 'ms'),
    figure('a new Service: watch event to open port, p99', quantile(ours, 0.99), 'ms'),
    figure("HAProxy's own check and reload of the same file, p50", quantile(byHand, 0.5), 'ms'),
    figure("HAProxy's own check and reload of the same file, p99", quantile(byHand, 0.99), 'ms'),
    figure('beyond that, p50', beyond(0.5), 'ms'),
    atMost('beyond that, p99', beyond(0.99), 'ms', MOST_BEYOND_MS),
  ]
}

/** The smallest value that is no less than such a share of all. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}
