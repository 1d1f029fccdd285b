/** Replicas of the operator, each started again when it ends, as a Deployment does. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
const STARTS_AGAIN_AFTER_MS = 500
/** Where Debian has it. */
const FAKETIME = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketimeMT.so.1`

export interface Replica {
  readonly name: string
  pid(): number | undefined
  /** Whether its process has said that it leads. */
  leads(): boolean
  signal(name: NodeJS.Signals): void
  /** Moves the clock of this process and the next ones: `+1h`, `+0`. The machine's own stays as it is. */
  setClock(offset: string): void
  close(): Promise<void>
}

export interface ReplicaWishes {
  readonly name: string
  readonly dir: string
  readonly config: string
  readonly kubeconfig: string
  readonly healthPort: number
}

/** The environment in which a process has the clock that a file tells: Debian's libfaketime. Timers go by the monotonic clock, which stays. */
export function clockEnvironment(file: string): Readonly<Record<string, string>> {
  if (!existsSync(FAKETIME)) throw new Error('chaos needs a Debian package: apt-get install faketime')
  writeFileSync(file, '+0\n')
  const settings = { FAKETIME_TIMESTAMP_FILE: file, FAKETIME_CACHE_DURATION: '1', DONT_FAKE_MONOTONIC: '1' }
  return { LD_PRELOAD: FAKETIME, ...settings }
}

export function startReplica({ name, dir, config, kubeconfig, healthPort }: ReplicaWishes): Replica {
  const logFile = join(dir, `${name}.log`)
  const clockFile = join(dir, `${name}.clock`)
  const places = ['--config', config, '--kubeconfig', kubeconfig, '--lease-namespace', 'default']
  const argv = [MAIN, 'run', ...places, '--health-port', String(healthPort)]
  const env = { ...process.env, ...clockEnvironment(clockFile), FAIRWAY_LOG_LEVEL: 'info' }
  let child: ChildProcess | undefined
  let began = 0
  let closing = false

  function start(): void {
    if (closing) return
    const output = openSync(logFile, 'a')
    began = statSync(logFile).size
    const started = spawn(process.execPath, argv, { stdio: ['ignore', output, output], env })
    closeSync(output)
    child = started
    started.once('exit', () => {
      if (child === started) child = undefined
      void sleep(STARTS_AGAIN_AFTER_MS).then(start)
    })
  }
  process.on('exit', () => child?.kill('SIGKILL'))
  start()
  return {
    name,
    pid: () => child?.pid,
    leads: () => child !== undefined && readFileSync(logFile).subarray(began).includes('this replica leads'),
    signal: (signal) => void child?.kill(signal),
    setClock: (offset) => writeFileSync(clockFile, `${offset}\n`),
    close: async () => {
      closing = true
      const last = child
      if (last === undefined) return
      const gone = once(last, 'exit')
      last.kill('SIGKILL')
      await gone
    },
  }
}

/** The one that leads, and the others. None leads while the Lease runs out: then the first stands in. */
export function rolesOf(replicas: readonly Replica[]): {
  readonly leader: Replica
  readonly others: readonly Replica[]
} {
  const leader = replicas.find((one) => one.leads()) ?? replicas[0]
  if (leader === undefined) throw new Error('there are no replicas')
  return { leader, others: replicas.filter((one) => one !== leader) }
}
