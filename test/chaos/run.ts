/** One run: storm after storm, each followed by calm in which everything has to be as wished. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createDice } from '../contract/dice.ts'
import type { Fault } from './fault.ts'
import { settle } from './settle.ts'
import { startSite } from './site.ts'
import { createDeck, drawStorm } from './storm.ts'
import { type Weather, weather, withFollowing } from './weather.ts'
import { FIRST_WORLD } from './world.ts'

export interface StormRecord extends Weather {
  /** Since the run began. */
  readonly beganMs: number
}

export interface RunRecord {
  readonly seed: number
  readonly minutes: number
  readonly storms: readonly StormRecord[]
  /** What was violated; the run has ended with it. */
  readonly failure: string | undefined
}

export interface RunWishes {
  readonly seed: number
  readonly minutes: number
  readonly faults: readonly Fault[]
  /** The sequence of all that happened, and the operators' logs. */
  readonly outputDir: string
}

/** Knuth's multiplier for hashes: 2^32 by the golden ratio. */
const SPREAD = 2_654_435_761

export async function runChaos(
  { seed, minutes, faults, outputDir }: RunWishes,
  signal: AbortSignal,
): Promise<RunRecord> {
  mkdirSync(outputDir, { recursive: true })
  const sequence = join(outputDir, 'sequence.log')
  writeFileSync(sequence, `seed ${seed}\n`)
  const tell = (text: string) => {
    appendFileSync(sequence, `${text}\n`)
    process.stdout.write(`${text}\n`)
  }
  const site = await startSite(FIRST_WORLD, outputDir, signal)
  const storms: StormRecord[] = []
  let failure: string | undefined
  try {
    // Seeds beside each other would begin alike.
    const dice = createDice(Math.imul(seed, SPREAD))
    const deal = createDeck(faults, dice)
    let world = FIRST_WORLD
    const first = () => settle(site, FIRST_WORLD, new Map(), signal)
    let settled = await withFollowing(site, () => FIRST_WORLD, first, signal)
    const began = performance.now()
    while (performance.now() - began < minutes * 60_000) {
      tell(`storm ${storms.length + 1}`)
      const beganMs = performance.now() - began
      const drawn = drawStorm(world, deal, dice)
      const passed = await weather({ site, storm: drawn.storm, world, settled, tell }, signal)
      storms.push({ beganMs, ...passed.record })
      tell(`  ${describeCalm(passed.record)}`)
      world = drawn.world
      settled = passed.settled
    }
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error)
    tell(`FAILED: ${error instanceof Error ? error.stack : failure}`)
    writeFileSync(join(outputDir, 'edge.log'), await site.edge.log())
    writeFileSync(join(outputDir, 'haproxy.log'), await site.edge.proxy.log())
  } finally {
    await site.close()
  }
  const record = { seed, minutes, storms, failure }
  writeFileSync(recordFile(outputDir), JSON.stringify(record))
  return record
}

/** Where a run leaves what came of it. */
export function recordFile(outputDir: string): string {
  return join(outputDir, 'record.json')
}

function describeCalm({ recoveryMs, connections, transfers }: Weather): string {
  return `settled after ${(recoveryMs / 1_000).toFixed(1)} s; ${connections} connections, ${transfers} transfers`
}
