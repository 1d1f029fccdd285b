/** What a person would do at an HAProxy's side, by its own means alone. */
import { execFile } from 'node:child_process'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { planCommands } from '../../src/edge/engines/haproxy/commands.ts'
import { SHAPE_BACKEND } from '../../src/edge/engines/haproxy/render.ts'
import type { Running } from '../../src/edge/engines/haproxy/running.ts'
import type { HaproxyUnit } from '../edge-lab/haproxy.ts'

const run = promisify(execFile)
const LOOK_EVERY_MS = 5
const RELOADS_WITHIN_MS = 60_000

/** Checks a configuration, has it loaded, and waits for the worker that runs it. Resolves with the time that takes. */
export async function loadByHand({ dir, adminFile, configFile, master }: HaproxyUnit, text: string): Promise<number> {
  const signal = AbortSignal.timeout(RELOADS_WITHIN_MS)
  const pid = async () => /^Pid: (\d+)$/m.exec(await master.ask('@1 show info', signal))?.[1]
  const next = join(dir, 'next.cfg')
  await writeFile(next, text)
  const before = await pid()
  const startedAt = performance.now()
  await run('haproxy', ['-c', '-f', adminFile, '-f', next], { signal })
  await rename(next, configFile)
  await master.reload(signal)
  for (;;) {
    const now = await pid().catch(() => undefined)
    if (now !== undefined && now !== before) return performance.now() - startedAt
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
}

/** The commands that make the servers of one HAProxy those of another. */
export function commandsBetween(from: Running, to: Running): readonly string[] {
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

/** Sends commands to the worker. Resolves with the time that takes. */
export async function commandByHand({ master }: HaproxyUnit, commands: readonly string[]): Promise<number> {
  const startedAt = performance.now()
  await master.command(commands, AbortSignal.timeout(RELOADS_WITHIN_MS))
  return performance.now() - startedAt
}
