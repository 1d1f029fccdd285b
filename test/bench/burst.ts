/**
 * 2,000 Services at once: what the operator makes of them, beside the API server's own rate, and beside MetalLB's controller.
 *
 * The Services come while a process is held (SIGSTOP), so that creating them, which the API server does at a few hundred a second, is not measured; the
 * clock runs from the moment at which it goes on until the last write to a Service is answered, by the API server's audit log. The edge's table is applied before
 * that: an address is published once it is served. The operator goes without a Lease here, which it would lose while it is held.
 */
import { join } from 'node:path'
import type { LabProcess } from '../lab/lab.ts'
import { step, toStderr } from '../lab/progress.ts'
import { metallbModules } from '../lab/versions.ts'
import {
  type ApiWorld,
  awaitAddresses,
  type Burst,
  createServices,
  deleteServices,
  listServices,
  startApiWorld,
} from './api-world.ts'
import { patchBare } from './bare.ts'
import { answersAt, POOL, startOperator } from './contender.ts'
import { bundleInto, operatorFlags } from './edge-bundle.ts'
import { appliedBy, bundleMemoryEdge, startMemoryEdge } from './memory-edge.ts'
import { METALLB_POOL, prepareMetallb } from './metallb.ts'
import { atLeast, atMost, figure, median, type Row } from './table.ts'

const SERVICES = 2_000
const ROUNDS = 3
/** Of the bare patches; what the operator has in flight is its own decision. */
const IN_FLIGHT = 16
const BARE = 'bare'
const OURS_WITHIN_MS = 120_000
/** MetalLB sends 20 requests a second, two for a Service; and as long again. */
const THEIRS_WITHIN_MS = 600_000

interface Round {
  readonly ms: number
  readonly writes: number
  readonly writesPerSecond: number
  readonly barePerSecond: number
}

export async function benchBurst(signal: AbortSignal): Promise<readonly Row[]> {
  const world = await startApiWorld(signal)
  try {
    await createServices(world, BARE, SERVICES, signal, 'bench.example/nobody')
    const ours = await measureOurs(world, signal)
    const ms = median(ours.map((round) => round.ms))
    const throttled = await measureMetallb(world, 'throttled', signal)
    const newest = await measureMetallb(world, 'newest', signal)
    const { throttled: older, newest: newer } = metallbModules
    return [
      figure(`${SERVICES} Services: until the last status`, ms, 'ms'),
      figure('writes a second', median(ours.map((round) => round.writesPerSecond)), '/s'),
      figure('bare status patches a second', median(ours.map((round) => round.barePerSecond)), '/s'),
      atLeast(
        'writes a second ÷ bare status patches',
        median(ours.map(({ writesPerSecond, barePerSecond }) => writesPerSecond / barePerSecond)),
        '',
        0.8,
      ),
      atMost('writes a Service beside Events', median(ours.map(({ writes }) => writes / SERVICES)), '', 2),
      figure(`MetalLB ${older.version}, which throttles itself`, throttled, 'ms'),
      atLeast(`MetalLB ${older.version} ÷ Fairway`, throttled / ms, '', 10),
      figure(`MetalLB ${newer.version}, which does not`, newest, 'ms'),
      figure(`MetalLB ${newer.version} ÷ Fairway`, newest / ms, ''),
    ]
  } finally {
    await world.close()
  }
}

async function measureOurs(world: ApiWorld, signal: AbortSignal): Promise<readonly Round[]> {
  const program = [...operatorFlags(), bundleInto(join(world.dir, 'operator'))]
  const edge = await startMemoryEdge(bundleMemoryEdge(join(world.dir, 'edge')), POOL.cidr)
  try {
    const bare = (await listServices(world, BARE, signal)).map(({ metadata }) => metadata)
    const rounds: Round[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const before = world.audit.size()
      await step(toStderr, `${2 * SERVICES} bare patches`, () =>
        patchBare(world.lab.controlPlane.access, bare, IN_FLIGHT, round, signal),
      )
      const patches = world.audit.writesSince(before).filter(({ userAgent }) => userAgent === BARE)
      const operator = await startOperator(world, program, edge)
      await answersAt(`${operator.healthUrl}/readyz`, operator, signal)
      const { writes, endedAt, ms } = await burst(world, operator, `ours-${round}`, POOL.isOwn, OURS_WITHIN_MS, signal)
      const applied = (await appliedBy(edge)).findLast(({ at }) => at <= endedAt)
      if (applied?.frontends !== 2 * SERVICES) throw new Error(`the edge was given ${applied?.frontends} frontends`)
      await deleteServices(world, `ours-${round}`, signal)
      await operator.stop(30_000, signal)
      rounds.push({
        ms,
        writes: writes.length,
        writesPerSecond: (1_000 * writes.length) / ms,
        barePerSecond: (1_000 * patches.length) / spanMs(patches),
      })
    }
    return rounds
  } finally {
    await edge.close()
  }
}

async function measureMetallb(
  world: ApiWorld,
  which: keyof typeof metallbModules,
  signal: AbortSignal,
): Promise<number> {
  const metallb = await prepareMetallb(world, metallbModules[which], signal)
  const child = await metallb.start()
  await child.ready(signal)
  const namespace = `metallb-${which}`
  const { ms } = await burst(world, child, namespace, METALLB_POOL.isOwn, THEIRS_WITHIN_MS, signal)
  await deleteServices(world, namespace, signal)
  await child.stop(10_000, signal)
  return ms
}

/** Lets a process meet all of the Services at once; gives what it wrote, and how long it took. */
async function burst(
  world: ApiWorld,
  child: LabProcess,
  namespace: string,
  isOwn: (ip: string) => boolean,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Burst & { readonly ms: number }> {
  child.kill('SIGSTOP')
  await createServices(world, namespace, SERVICES, signal)
  const before = world.audit.size()
  const beganAt = Date.now()
  child.kill('SIGCONT')
  const found = await step(toStderr, `until ${child.name} has given all of them an address`, () =>
    awaitAddresses(world, namespace, before, isOwn, timeoutMs, signal),
  )
  return { ...found, ms: found.endedAt - beganAt }
}

/** From the first request of some until the last answer. */
function spanMs(writes: readonly { readonly receivedAt: number; readonly answeredAt: number }[]): number {
  return (
    Math.max(...writes.map(({ answeredAt }) => answeredAt)) - Math.min(...writes.map(({ receivedAt }) => receivedAt))
  )
}
