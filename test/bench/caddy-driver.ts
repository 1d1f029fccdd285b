/**
 * What the operator's own driver takes for a new Service at a Caddy until its port takes a connection, beside the time that another Caddy takes for the
 * identical write alone. Counted is all of a pass that has to do with the proxy: reading it, planning and the write. What comes behind that, reading back what came
 * of it, is told as well.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { createMapper } from '../../src/model/remember.ts'
import type { Frontend } from '../../src/model/table.ts'
import { createDiffer } from '../../src/plan/diff.ts'
import { type CaddyProcess, startCaddy } from '../contract/caddy-harness.ts'
import { buildCaddy } from '../lab/build.ts'
import { step, toStderr } from '../lab/progress.ts'
import { elsewhere } from './by-hand.ts'
import { startNodes } from './edge-machine.ts'
import { createCluster, NO_CHANGES, PORTS } from './edge-tables.ts'
import { untilServed } from './reaction.ts'
import type { Place } from './reaction-cluster.ts'
import { atMost, figure, median, type Row } from './table.ts'

/** An operator that runs has compiled what it does, and so has this process after some rounds: there are most where a round is short, and these come first. */
const SIZES: readonly Size[] = [
  { frontends: 10, rounds: 101 },
  { frontends: 500, rounds: 21 },
  { frontends: 3_000, rounds: 7 },
]
const MOST_RATIO = 1.3
const REQUEST_MS = 60_000
const SERVERS_PATH = '/config/apps/layer4/servers'
const MOST_TRIES = 10
const TRY_AGAIN_MS = 5

interface Size {
  readonly frontends: number
  readonly rounds: number
}

interface Taken {
  readonly readMs: number
  /** From the beginning until the new port takes a connection, and until all of it is confirmed. */
  readonly servedMs: number
  readonly confirmedMs: number
}

interface Round extends Taken {
  /** Of the other Caddy, until the same port takes a connection. */
  readonly bareMs: number
}

export async function benchCaddy(signal: AbortSignal): Promise<readonly Row[]> {
  const { caddy: program } = await buildCaddy(toStderr, signal)
  const nodes = await startNodes()
  try {
    const rows: Row[] = []
    for (const size of SIZES) {
      const { frontends } = size
      const rounds = await step(toStderr, `${frontends} frontends`, () => measure(program, size, nodes.port, signal))
      rows.push(...rowsOf(frontends, rounds))
    }
    return rows
  } finally {
    await nodes.stop()
  }
}

async function measure(
  program: string,
  { frontends, rounds: count }: Size,
  checkPort: number,
  signal: AbortSignal,
): Promise<readonly Round[]> {
  const services = frontends / PORTS
  const { table } = createCluster(services, 1, checkPort)
  const [ours, bare] = [await startCaddy({ program }), await startCaddy({ program })]
  try {
    const driver = ours.driver({ timeoutMs: REQUEST_MS })
    // A check that nobody asked for is not for Caddy. What has not changed is the same object as before.
    const fit = createMapper((one: Frontend): Frontend => ({ ...one, healthCheck: undefined }))
    const diff = createDiffer()
    const bring = async (many: number): Promise<Taken & { readonly place: Place | undefined }> => {
      const { frontends: all, groups } = table(many, NO_CHANGES)
      const wanted = { frontends: fit(all), groups }
      const startedAt = performance.now()
      const observed = await driver.read(signal)
      const readMs = performance.now() - startedAt
      const plan = diff(observed, wanted, new Set(), [])
      const [change] = plan.changes
      if (change === undefined) throw new Error('there is nothing to change')
      // Undefined where a Service is taken away again.
      const place = change.kind === 'add' ? change.after : undefined
      const served = place && untilServed(place, signal)
      const { refused } = await driver.apply(plan, signal)
      const confirmedMs = performance.now() - startedAt
      if (refused.length > 0) throw new Error(`${refused.length} frontends are refused: ${JSON.stringify(refused[0])}`)
      return { readMs, servedMs: ((await served) ?? Number.NaN) - startedAt, confirmedMs, place }
    }
    await bring(services)
    await bare.admin('PUT', '/config/apps/layer4', { servers: {} })
    await writeBare(ours, bare, undefined, signal)
    const rounds: Round[] = []
    for (let round = 1; round <= count; round++) {
      const { place, ...took } = await bring(services + 1)
      rounds.push({ ...took, bareMs: await writeBare(ours, bare, place, signal) })
      await bring(services)
      await writeBare(ours, bare, undefined, signal)
    }
    return rounds
  } finally {
    await Promise.all([ours.close(), bare.close()])
  }
}

/** Gives another Caddy the servers of ours at other addresses. Resolves with the time that it takes, with a place until the port there takes a connection. */
async function writeBare(
  ours: CaddyProcess,
  bare: CaddyProcess,
  place: Place | undefined,
  signal: AbortSignal,
): Promise<number> {
  const body = elsewhere(await readServers(ours, signal))
  const headers = { 'content-type': 'application/json' }
  const startedAt = performance.now()
  const served = place && untilServed({ address: elsewhere(place.address), port: place.port }, signal)
  const answer = await request(bare.adminUrl + SERVERS_PATH, { method: 'POST', headers, body, reset: true, signal })
  const text = await answer.body.text()
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${text}`)
  return ((await served) ?? performance.now()) - startedAt
}

/** Asked again where Caddy, which puts another listener in the place of its own with each write, drops the connection. */
async function readServers(caddy: CaddyProcess, signal: AbortSignal): Promise<string> {
  for (let tries = 1; ; tries++) {
    try {
      return await caddy.adminText('GET', SERVERS_PATH)
    } catch (error) {
      if (tries === MOST_TRIES) throw error
      await sleep(TRY_AGAIN_MS, undefined, { signal })
    }
  }
}

function rowsOf(frontends: number, rounds: readonly Round[]): readonly Row[] {
  const what = `${frontends} frontends, new Service`
  const of = (read: (round: Round) => number) => median(rounds.map(read))
  return [
    figure(
      `${what}: Caddy's own time for the write`,
      of(({ bareMs }) => bareMs),
      'ms',
    ),
    figure(
      `${what}: the driver reads`,
      of(({ readMs }) => readMs),
      'ms',
    ),
    figure(
      `${what}: from the reading to the open port`,
      of(({ servedMs }) => servedMs),
      'ms',
    ),
    figure(
      `${what}: until it is confirmed`,
      of(({ confirmedMs }) => confirmedMs),
      'ms',
    ),
    atMost(
      `${what}: to the open port ÷ Caddy's own time`,
      of(({ servedMs, bareMs }) => servedMs / bareMs),
      '',
      MOST_RATIO,
    ),
  ]
}
