/** A storm and the calm after it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { delay } from '../lab/wait.ts'
import { perform, readServices } from './cluster.ts'
import { type Load, type LoadCounts, startLoad } from './load.ts'
import { type Settled, settle } from './settle.ts'
import type { Site } from './site.ts'
import type { Storm, Strike } from './storm.ts'
import { applyAction, describeAction, touchedBy, type World } from './world.ts'

export interface Weather {
  readonly faults: readonly { readonly name: string; readonly holdMs: number }[]
  readonly actions: number
  readonly recoveryMs: number
  readonly connections: number
  readonly transfers: number
}

interface Stage {
  readonly site: Site
  readonly storm: Storm
  /** What was when the storm began. */
  readonly world: World
  readonly settled: Settled
  readonly tell: (text: string) => void
}

const FOLLOWS_EVERY_MS = 100
/** After a proxy or its network was struck: checks have to find the targets again. */
const TRAFFIC_RESTS_MS = 6_000

/** Lets a storm loose and waits for the calm. Throws with what was violated. */
export async function weather(
  stage: Stage,
  signal: AbortSignal,
): Promise<{ readonly record: Weather; readonly settled: Settled }> {
  const { site, storm, settled, tell } = stage
  let { world } = stage
  const load = await startLoad(settled.doors, world)
  let counts: LoadCounts | undefined
  const work = async () => {
    try {
      await Promise.all([
        act(stage, load, (next) => (world = next), signal),
        ...storm.strikes.map((strike) => strikeOnce(strike, stage, load, signal)),
      ])
      return await settle(site, world, settled.addresses, signal)
    } finally {
      counts = await load.end()
      for (const one of counts.complaints) tell(`  COMPLAINT ${one}`)
    }
  }
  const after = await withFollowing(site, () => world, work, signal)
  const { connections = 0, transfers = 0, complaints = [] } = counts ?? {}
  if (complaints.length > 0) throw new Error(complaints.join('\n'))
  const faults = storm.strikes.map(({ fault, holdMs }) => ({ name: fault.name, holdMs }))
  const record = { faults, actions: storm.actions.length, recoveryMs: after.recoveryMs, connections, transfers }
  return { record, settled: after }
}

/** The changes, one after the other: each is acknowledged before the next, which may take as long as a fault holds. */
async function act(
  { site, storm, world: first, tell }: Stage,
  load: Load,
  setWorld: (world: World) => void,
  signal: AbortSignal,
): Promise<void> {
  const began = performance.now()
  let world = first
  for (const { atMs, action } of storm.actions) {
    await delay(Math.max(0, atMs - (performance.now() - began)), signal)
    world = applyAction(world, action)
    tell(`  ${describeAction(action)}`)
    load.allow(world, touchedBy(action))
    setWorld(world)
    if (action.kind === 'pool') await site.setPool(action.pool)
    else await perform(site.lab, action, signal)
  }
}

async function strikeOnce(
  { fault, atMs, holdMs }: Strike,
  { site, tell }: Stage,
  load: Load,
  signal: AbortSignal,
): Promise<void> {
  await delay(atMs, signal)
  tell(`  ${fault.name} for ${holdMs} ms`)
  if (fault.traffic) load.disturb(true)
  await fault.strike(site, signal)
  try {
    await delay(holdMs, signal)
  } finally {
    await fault.heal(site, signal)
  }
  if (fault.traffic) void sleep(TRAFFIC_RESTS_MS).then(() => load.disturb(false))
}

/** Keeps node ports answering for what is in the cluster while work goes on; those of what is gone end with it. */
export async function withFollowing<T>(
  site: Site,
  world: () => World,
  work: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const stop = new AbortController()
  const ended = AbortSignal.any([stop.signal, signal])
  const follow = async () => {
    while (!ended.aborted) {
      // The API server may be struck: then all stays as it is.
      const limit = AbortSignal.any([ended, AbortSignal.timeout(2_000)])
      const services = await readServices(site.lab, limit).catch(() => undefined)
      if (services !== undefined) await site.targets.follow(world(), services)
      await sleep(FOLLOWS_EVERY_MS)
    }
  }
  const following = follow()
  try {
    return await work()
  } finally {
    stop.abort()
    await following
    await site.targets.prune()
  }
}
