/** What a person would do at a program's side, by its own means alone. */
import { execFile } from 'node:child_process'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { planCommands } from '../../src/edge/engines/haproxy/commands.ts'
import { SHAPE_BACKEND } from '../../src/edge/engines/haproxy/render.ts'
import type { Running } from '../../src/edge/engines/haproxy/running.ts'
import { type HaproxyUnit, makeHaproxy } from '../edge-lab/haproxy.ts'
import type { ProxyUnit } from '../edge-lab/unit.ts'

/** A program that an edge works, and beside it one of the same kind that is worked by hand. */
export interface Program {
  readonly ours: ProxyUnit
  readonly byHand: ByHand
}

export interface ByHand {
  /** Starts it with what the other one has, at other addresses. */
  readonly start: () => Promise<void>
  /** Brings it to what the other one has by now. Resolves with the time that its own part of it takes, in milliseconds. */
  readonly load: () => Promise<number>
  /** The same where only targets have changed. */
  readonly retarget: () => Promise<number>
  readonly close: () => Promise<void>
}

const RELOADS_WITHIN_MS = 60_000
const LOOK_EVERY_MS = 5

/** Where the frontends of the program that is worked by hand are, in place of the others'. */
export function elsewhere(text: string): string {
  return text.replaceAll(/\b127\.100\./g, '127.101.')
}

export const run = promisify(execFile)

/** Resolves when something holds, with the time that has passed since a moment. */
export async function timeUntil(since: number, holds: () => Promise<boolean>): Promise<number> {
  const signal = AbortSignal.timeout(RELOADS_WITHIN_MS)
  while (!(await holds().catch(() => false))) await sleep(LOOK_EVERY_MS, undefined, { signal })
  return performance.now() - since
}

export async function makeHaproxies(): Promise<Program> {
  const [ours, bare] = [await makeHaproxy(), await makeHaproxy()]
  const textFor = async () => elsewhere(await readFile(ours.configFile, 'utf8'))
  const byHand: ByHand = {
    start: async () => {
      await writeFile(bare.configFile, await textFor())
      await bare.start()
    },
    load: async () => {
      const ms = await loadHaproxy(bare, await textFor())
      await checkSame(ours, bare)
      return ms
    },
    retarget: async () => {
      const commands = commandsBetween(await bare.running(), await ours.running())
      const startedAt = performance.now()
      await bare.master.command(commands, AbortSignal.timeout(RELOADS_WITHIN_MS))
      const ms = performance.now() - startedAt
      await checkSame(ours, bare)
      return ms
    },
    close: bare.close,
  }
  return { ours, byHand }
}

/** Checks a configuration, has it loaded, and waits for the worker that runs it. */
async function loadHaproxy({ dir, adminFile, configFile, master }: HaproxyUnit, text: string): Promise<number> {
  const signal = AbortSignal.timeout(RELOADS_WITHIN_MS)
  const pid = async () => /^Pid: (\d+)$/m.exec(await master.ask('@1 show info', signal))?.[1]
  const next = join(dir, 'next.cfg')
  await writeFile(next, text)
  const before = await pid()
  const startedAt = performance.now()
  await run('haproxy', ['-c', '-f', adminFile, '-f', next], { signal })
  await rename(next, configFile)
  await master.reload(signal)
  return timeUntil(startedAt, async () => ![undefined, before].includes(await pid()))
}

/** What is compared must be the same change. */
async function checkSame(ours: HaproxyUnit, bare: HaproxyUnit): Promise<void> {
  const [mine, theirs] = [await ours.running(), await bare.running()]
  if (mine.shape !== theirs.shape) throw new Error('the two HAProxys run different configurations')
  const [command] = commandsBetween(theirs, mine)
  if (command !== undefined) throw new Error(`the HAProxy that is worked by hand lacks "${command}"`)
  const down = [...mine.backends.values()].flatMap((servers) => [...servers.values()]).filter(({ up }) => !up)
  const lost = down.find(({ maintenance }) => !maintenance)
  if (lost !== undefined) throw new Error(`${lost.address} is down: the stand-in for the nodes does not answer`)
}

/** The commands that make the servers of one HAProxy those of another. */
function commandsBetween(from: Running, to: Running): readonly string[] {
  const wanted = [...to.backends].map(([name, servers]) => {
    const list = [...servers.values()].map(({ maintenance, address, port, weight }) =>
      maintenance ? undefined : { address, port: port === 0 ? undefined : port, weight },
    )
    return [name, list] as const
  })
  const same = new Map(wanted.filter(([name]) => name !== SHAPE_BACKEND))
  const commands = planCommands(same, from.backends, new Set())
  if (commands === undefined) throw new Error('the two HAProxys have not the same servers')
  return commands
}
