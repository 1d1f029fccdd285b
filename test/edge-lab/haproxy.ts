/** A real HAProxy on loopback, started as Debian's unit does: master and workers, the administrator's file first and ours behind it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createMaster, type Master } from '../../src/edge/engines/haproxy/master.ts'
import { type Running, readRunning } from '../../src/edge/engines/haproxy/running.ts'

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

export interface HaproxyUnit {
  readonly dir: string
  readonly adminFile: string
  readonly configFile: string
  readonly masterSocket: string
  readonly stateDir: string
  readonly master: Master
  /** Starts it and waits until a worker answers. */
  readonly start: () => Promise<void>
  /** Ends master and workers as a power cut would. */
  readonly kill: () => Promise<void>
  readonly running: () => Promise<Running>
  /** Of the master and all its workers. */
  readonly pids: () => Promise<readonly number[]>
  readonly log: () => Promise<string>
  /** Kills it and removes its folder. */
  readonly close: () => Promise<void>
}

/** Makes a folder for an HAProxy; `start` starts it, once there is a file of ours. `admin` is the text of the administrator's file. */
export async function makeHaproxy(admin: string): Promise<HaproxyUnit> {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-haproxy-'))
  const [adminFile, configFile] = [join(dir, 'haproxy.cfg'), join(dir, 'fairway.cfg')]
  const [masterSocket, logFile] = [join(dir, 'master.sock'), join(dir, 'haproxy.log')]
  await writeFile(adminFile, admin)
  const master = createMaster(masterSocket)
  let child: ChildProcess | undefined

  async function start(): Promise<void> {
    const log = openSync(logFile, 'a')
    const argv = ['-W', '-S', masterSocket, '-f', adminFile, '-f', configFile]
    const started = spawn('haproxy', argv, { detached: true, stdio: ['ignore', log, log] })
    closeSync(log)
    child = started
    await once(started, 'spawn')
    if (started.pid !== undefined) groups.add(started.pid)
    const deadline = Date.now() + STARTS_WITHIN_MS
    while (!(await answers())) {
      if (started.exitCode !== null || Date.now() > deadline)
        throw new Error(`HAProxy did not start:\n${await readLog()}`)
      await sleep(20)
    }
  }

  async function answers(): Promise<boolean> {
    return running().then(
      () => true,
      () => false,
    )
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

  async function running(): Promise<Running> {
    const found = await readRunning(master, AbortSignal.timeout(STARTS_WITHIN_MS))
    if (found === undefined) throw new Error('HAProxy has no worker')
    return found
  }

  async function pids(): Promise<readonly number[]> {
    const text = await master.ask('show proc', AbortSignal.timeout(STARTS_WITHIN_MS))
    return [...text.matchAll(/^(\d+)/gm)].map(([pid]) => Number(pid))
  }

  const readLog = () => readFile(logFile, 'utf8').catch(() => '')
  const close = async () => {
    await kill()
    await rm(dir, { recursive: true, force: true })
  }
  const stateDir = join(dir, 'state')
  const files = { dir, adminFile, configFile, masterSocket, stateDir }
  return { ...files, master, start, kill, running, pids, log: readLog, close }
}
