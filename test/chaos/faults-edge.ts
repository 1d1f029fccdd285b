/** What befalls the edge, its disk, and the way from operators to it. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Fault } from './fault.ts'
import { startPatiently } from './patience.ts'
import type { Mode } from './relay.ts'
import type { Site } from './site.ts'

const SHARED = { party: 'edge', traffic: false } as const

function relayed(name: string, what: string, mode: Mode): Fault {
  return {
    ...SHARED,
    name,
    what,
    holdMs: [2_000, 10_000],
    strike: async ({ relays }) => relays.edge.set(mode),
    heal: async ({ relays }) => relays.edge.set({ kind: 'pass' }),
  }
}

const killed: Fault = {
  ...SHARED,
  name: 'edge-killed',
  what: 'the edge is killed and started again',
  holdMs: [500, 6_000],
  strike: async ({ edge, other }) => {
    await edge.end('SIGKILL')
    await other.hold()
  },
  heal: async (site, signal) => {
    await startPatiently(
      'the edge',
      () => site.edge.start('hearing'),
      () => site.edge.end('SIGKILL'),
      signal,
    )
    const loss = await site.other.findLoss(signal)
    if (loss !== undefined) throw new Error(`after it was killed: ${loss}`)
    site.other.goOn()
  },
}

const stopped: Fault = {
  ...SHARED,
  name: 'edge-stopped',
  what: 'the edge is stopped (SIGSTOP), and goes on',
  holdMs: [2_000, 14_000],
  strike: async ({ edge }) => void process.kill(edge.pid(), 'SIGSTOP'),
  heal: async ({ edge }) => void process.kill(edge.pid(), 'SIGCONT'),
}

const fillerOf = ({ disk }: Site) => join(disk, 'filler')

const full: Fault = {
  ...SHARED,
  name: 'edge-disk-full',
  what: "the edge's disk is full",
  holdMs: [3_000, 10_000],
  strike: async (site) => {
    // Writes what fits, then fails: a last small piece takes the rest of the last page.
    for (const bytes of [64 << 20, 4_096])
      await writeFile(fillerOf(site), Buffer.alloc(bytes), { flag: 'a' }).catch(() => {})
  },
  heal: async (site) => rm(fillerOf(site), { force: true }),
}

function clockMoved(name: string, what: string, offset: string): Fault {
  return {
    ...SHARED,
    name,
    what,
    holdMs: [3_000, 10_000],
    strike: async ({ setEdgeClock }) => setEdgeClock(offset),
    heal: async ({ setEdgeClock }) => setEdgeClock('+0'),
  }
}

export const EDGE_FAULTS: readonly Fault[] = [
  killed,
  stopped,
  full,
  relayed('edge-slow', "each of the edge's answers takes three seconds", { kind: 'slow', delayMs: 3_000 }),
  relayed('edge-cut', 'operators are cut off from the edge', { kind: 'cut' }),
  relayed('edge-garbage', 'the edge answers garbage', { kind: 'garbage' }),
  relayed('edge-500', 'the edge answers 500', { kind: 'status', status: 500, reason: 'InternalError' }),
  clockMoved('edge-clock-ahead', "the edge's clock is an hour ahead", '+1h'),
  clockMoved('edge-clock-behind', "the edge's clock is an hour behind", '-1h'),
]
