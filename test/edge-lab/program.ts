/** A program in a process group of its own, as systemd keeps a unit: whatever it forks is killed with it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const STARTS_WITHIN_MS = 10_000

/** Ended with this process even where no test gets to do it. */
const groups = new Set<number>()
process.on('exit', () => {
  for (const group of groups) killGroup(group)
})

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // All of it has ended.
  }
}

export interface Program {
  /** Of the first process, which must stay in the foreground; undefined: it does not run. */
  readonly pid: () => number | undefined
  /** Starts it and waits until it is up. */
  readonly start: () => Promise<void>
  readonly kill: () => Promise<void>
  /** What it has said on its output, at all its starts. */
  readonly log: () => Promise<string>
}

export interface Command {
  readonly file: string
  readonly argv: readonly string[]
  readonly logFile: string
  readonly env?: Readonly<Record<string, string>>
  /** Rejects, or resolves to false, until the program answers. */
  readonly isUp: () => Promise<boolean>
}

export function makeProgram({ file, argv, logFile, env = {}, isUp }: Command): Program {
  let child: ChildProcess | undefined
  const log = () => readFile(logFile, 'utf8').catch(() => '')

  async function start(): Promise<void> {
    const output = openSync(logFile, 'a')
    const stdio = ['ignore', output, output] as const
    const started = spawn(file, argv, { detached: true, stdio: [...stdio], env: { ...process.env, ...env } })
    closeSync(output)
    child = started
    await once(started, 'spawn')
    if (started.pid !== undefined) groups.add(started.pid)
    const deadline = Date.now() + STARTS_WITHIN_MS
    while (!(await isUp().catch(() => false))) {
      if (started.exitCode !== null || Date.now() > deadline) throw new Error(`${file} did not start:\n${await log()}`)
      await sleep(20)
    }
  }

  async function kill(): Promise<void> {
    const killed = child
    child = undefined
    if (killed?.pid === undefined || killed.exitCode !== null) return
    const gone = once(killed, 'exit')
    killGroup(killed.pid)
    await gone
    groups.delete(killed.pid)
  }

  return { pid: () => child?.pid, start, kill, log }
}
