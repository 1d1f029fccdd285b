/** One test over the shared world: its Services go with it, and a failure shows what everybody said. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tail, tailFile } from '../lab/tail.ts'
import { deployment } from './install.ts'
import type { Service, ServiceDraft } from './objects.ts'
import type { World } from './world.ts'

export interface Scenario extends World {
  readonly signal: AbortSignal
  /** Creates a Service that is removed at the end. */
  create(this: void, draft: ServiceDraft): Promise<Service>
  /** At the end, before the Services are removed. */
  cleanUp(this: void, work: (signal: AbortSignal) => Promise<void>): void
}

export type Scenarios = (name: string, body: (scenario: Scenario) => Promise<void>) => void

const TAKES_AT_MOST_MS = 120_000
const CLEANS_UP_WITHIN_MS = 60_000

/**
 * Gives the function that declares a test. Whatever a test does, what was served before it is served without a gap: the probe is asked at
 * the end of each.
 */
export function scenarios(getWorld: () => World): Scenarios {
  return (name, body) =>
    void test(name, { timeout: TAKES_AT_MOST_MS + 2 * CLEANS_UP_WITHIN_MS }, async () => {
      const world = getWorld()
      const startMs = Date.now()
      const created: string[] = []
      const cleanUps: ((signal: AbortSignal) => Promise<void>)[] = []
      const signal = AbortSignal.any([world.ending, AbortSignal.timeout(TAKES_AT_MOST_MS)])
      const scenario: Scenario = {
        ...world,
        signal,
        create: async (draft) => {
          created.push(draft.name)
          return world.services.create(draft, signal)
        },
        cleanUp: (work) => void cleanUps.push(work),
      }
      const work = async () => {
        await body(scenario)
        for (const probe of [world.probe, world.haproxy.probe]) await probe.steadySince(startMs, signal)
      }
      const cleanUp = async () => {
        const late = AbortSignal.timeout(CLEANS_UP_WITHIN_MS)
        for (const one of cleanUps) await one(late)
        await Promise.all(created.map(async (one) => world.services.remove(one, late)))
      }
      const failed = await work().catch(async (error: Error) => described(world, error))
      const left = await cleanUp().catch(async (error: Error) => described(world, error))
      // The first is the cause of the second, more often than not.
      if (failed ?? left) throw failed ?? left
    })
}

async function described(world: World, error: Error): Promise<Error> {
  process.stderr.write(await describeWorld(world))
  return error
}

/** Without the reads, of which there are many. */
function caddyLog(file: string): string {
  const lines = readFileSync(file, 'utf8').split('\n')
  return tail(lines.filter((line) => !line.includes('"method":"GET"')).join('\n'), 30)
}

/** What the operator, the cluster and the proxies said last. */
export async function describeWorld({ lab, other, haproxy }: World): Promise<string> {
  const signal = AbortSignal.timeout(20_000)
  const kubectl = async (...args: string[]) => lab.kubectl(args, signal).catch((error: Error) => error.message)
  const parts = {
    "the operator's log": await kubectl('logs', ...deployment, '--tail=60'),
    'kubectl get events': tail(await kubectl('get', 'events', '-A', '--sort-by=.lastTimestamp'), 60),
    'kubectl get pods': await kubectl('get', 'pods', '-A', '-o', 'wide'),
    "edge-1's log": caddyLog(join(lab.dir, 'caddy.log')),
    "edge-2's log": caddyLog(join(lab.dir, 'caddy-2.log')),
    "the edge's log": await tailFile(haproxy.machine.edge.logFile),
    "HAProxy's log": await tailFile(haproxy.program.unit.logFile, 10),
    "the other operator's log": await tailFile(other.operator.logFile, 10),
  }
  return joinParts(parts)
}

/** Texts below their titles. */
export function joinParts(parts: Readonly<Record<string, string>>): string {
  return Object.entries(parts)
    .map(([title, text]) => `\n===== ${title}\n${text.trimEnd()}\n`)
    .join('')
}
