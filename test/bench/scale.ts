/**
 * 5,000 Services and 1,000 nodes: the memory of the operator while it gives all of them their addresses, afterwards, and how long it takes to be back at work
 * after a restart, until an edge that has lost everything has the whole table. MetalLB's controller does the same beside it, with the same Services.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { step, toStderr } from '../lab/progress.ts'
import { metallbModules } from '../lab/versions.ts'
import { waitFor } from '../lab/wait.ts'
import { type ApiWorld, awaitAddresses, createNodes, createServices, startApiWorld } from './api-world.ts'
import { answersAt, POOL, startOperator } from './contender.ts'
import { bundleInto, operatorFlags } from './edge-bundle.ts'
import { appliedBy, bundleMemoryEdge, startMemoryEdge } from './memory-edge.ts'
import { METALLB_POOL, prepareMetallb } from './metallb.ts'
import { type Memory, memoryOf } from './resident.ts'
import { atMost, figure, median, type Row } from './table.ts'

const SERVICES = 5_000
const NODES = 1_000
const PORTS = 2
const NAMESPACE = 'scale'
const STARTS = 5
/** As the chart has it: a start waits for the lead. */
const LEASE = ['--lease-namespace', 'default']
/** Idle: two passes that find nothing to do are in it. */
const IDLE_MS = 40_000
const SETTLES_WITHIN_MS = 600_000
const STARTS_WITHIN_MS = 60_000

interface Measured {
  /** After all was given, and some time without a change. */
  readonly idle: Memory
  /** The most that it was until then. */
  readonly burstBytes: number
  /** Of restarts, milliseconds. */
  readonly starts: readonly number[]
}

export async function benchScale(signal: AbortSignal): Promise<readonly Row[]> {
  const world = await startApiWorld(signal)
  try {
    await createNodes(world, NODES, signal)
    const ours = await measureOurs(world, signal)
    const theirs = await measureMetallb(world, signal)
    const [cold, theirCold] = [median(ours.starts), median(theirs.starts)]
    const { version } = metallbModules.newest
    return [
      atMost('process start → whole table applied', cold / 1_000, 's', 3),
      figure(`MetalLB ${version}: process start → all Services processed`, theirCold / 1_000, 's'),
      figure('cold start ÷ that of MetalLB', cold / theirCold, ''),
      figure('resident, idle', ours.idle.resident / 1e6, 'MB'),
      figure('resident at most, burst included', ours.burstBytes / 1e6, 'MB'),
      figure(`MetalLB ${version}: resident, idle`, theirs.idle.resident / 1e6, 'MB'),
      figure(`MetalLB ${version}: resident at most, burst included`, theirs.burstBytes / 1e6, 'MB'),
      atMost('resident, idle ÷ MetalLB', ours.idle.resident / theirs.idle.resident, '', 1.2),
      figure('resident at most ÷ MetalLB', ours.burstBytes / theirs.burstBytes, ''),
    ]
  } finally {
    await world.close()
  }
}

async function measureOurs(world: ApiWorld, signal: AbortSignal): Promise<Measured> {
  const program = [...operatorFlags(), bundleInto(join(world.dir, 'operator'))]
  const edgeProgram = bundleMemoryEdge(join(world.dir, 'edge'))
  const edge = await startMemoryEdge(edgeProgram, POOL.cidr)
  const operator = await startOperator(world, program, edge, LEASE)
  await answersAt(`${operator.healthUrl}/readyz`, operator, signal)
  await giveAll(world, operator.name, POOL.isOwn, signal)
  const burstBytes = memoryOf(operator.pid).peak
  await sleep(IDLE_MS, undefined, { signal })
  const idle = memoryOf(operator.pid)
  await operator.stop(30_000, signal)
  await edge.close()
  const starts: number[] = []
  for (let start = 0; start < STARTS; start++) starts.push(await startCold(world, program, edgeProgram, signal))
  return { idle, burstBytes, starts }
}

/** Creates all Services while a process is at work, and waits until it has given all of them an address. */
async function giveAll(
  world: ApiWorld,
  name: string,
  isOwn: (ip: string) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const before = world.audit.size()
  await createServices(world, NAMESPACE, SERVICES, signal)
  await step(toStderr, `until ${name} has given all of them an address`, () =>
    awaitAddresses(world, NAMESPACE, before, isOwn, SETTLES_WITHIN_MS, signal),
  )
}

/** An operator that has all to read, and an edge that has all to learn. The Lease is free: the one before has released it. */
async function startCold(
  world: ApiWorld,
  program: readonly string[],
  edgeProgram: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const edge = await startMemoryEdge(edgeProgram, POOL.cidr)
  try {
    const beganAt = Date.now()
    const operator = await startOperator(world, program, edge, LEASE)
    const whole = async () => (await appliedBy(edge)).find(({ frontends }) => frontends === PORTS * SERVICES)
    const timing = { timeoutMs: STARTS_WITHIN_MS, intervalMs: 100, daemons: [operator] }
    const { at } = await waitFor('the whole table to be applied', whole, timing, signal)
    await operator.stop(30_000, signal)
    return at - beganAt
  } finally {
    await edge.close()
  }
}

/** The same Services: it takes them over with addresses of its own. */
async function measureMetallb(world: ApiWorld, signal: AbortSignal): Promise<Measured> {
  const metallb = await prepareMetallb(world, metallbModules.newest, signal)
  const before = world.audit.size()
  const child = await metallb.start()
  await step(toStderr, `until ${child.name} has given all of them an address`, () =>
    awaitAddresses(world, NAMESPACE, before, METALLB_POOL.isOwn, SETTLES_WITHIN_MS, signal),
  )
  const burstBytes = memoryOf(child.pid).peak
  await sleep(IDLE_MS, undefined, { signal })
  const idle = memoryOf(child.pid)
  await child.stop(10_000, signal)
  const starts: number[] = []
  for (let start = 0; start < STARTS; start++) {
    const beganAt = Date.now()
    const again = await metallb.start()
    const done = async (limit: AbortSignal) => (await again.addressesInUse(limit)) === SERVICES
    const timing = { timeoutMs: STARTS_WITHIN_MS, intervalMs: 100, daemons: [again] }
    await waitFor('MetalLB to have processed all Services', done, timing, signal)
    starts.push(Date.now() - beganAt)
    await again.stop(10_000, signal)
  }
  return { idle, burstBytes, starts }
}
