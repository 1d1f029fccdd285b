/** A machine of its own with systemd: what is done to it as root is real, and gone when it ends. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { netnsPath } from '../lab/addresses.ts'
import { type Output, type RunOptions, run, tryRun } from '../lab/process.ts'
import { waitFor } from '../lab/wait.ts'

export interface Machine {
  /** Runs a shell command there as root, whatever its exit code. */
  sh(command: string, signal: AbortSignal, options?: RunOptions): Promise<Output>
  /** The same, of a command that must succeed; gives its standard output. */
  must(command: string, signal: AbortSignal, options?: RunOptions): Promise<string>
  /** The command line that does the same, for `sh -c` with one further argument. */
  readonly enter: readonly string[]
  stop(): Promise<void>
}

const BOOT = join(import.meta.dirname, 'boot-machine.sh')
const BOOTS = { timeoutMs: 60_000, intervalMs: 100 } as const
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Boots it. `place` is a namespace of a running lab whose network it has; without it the machine has none but loopback. */
export async function startMachine(place: 'edge' | undefined, signal: AbortSignal): Promise<Machine> {
  const dir = mkdtempSync(join(tmpdir(), 'fairway-machine-'))
  const own = ['--mount', '--pid', '--ipc', '--uts', '--cgroup', '--fork', '--kill-child']
  const argv = ['unshare', ...own, ...(place === undefined ? ['--net'] : []), BOOT, dir]
  const network = place === undefined ? [] : ['nsenter', `--net=${netnsPath(place)}`, '--']
  const child = start([...network, ...argv])
  const stop = async () => {
    const gone = new Promise((done) => child.once('close', done))
    if (child.exitCode === null && child.kill('SIGKILL')) await gone
    // Its mounts have ended with it.
    rmdirSync(dir)
  }
  try {
    const first = await waitFor('the machine to begin', async () => firstProcess(child), BOOTS, signal)
    const enter = ['nsenter', '-t', `${first}`, '-m', '-p', '-n', '-i', '-u', '-C', '-r', '-w', '--', 'sh', '-c']
    const env = { PATH, HOME: '/root' }
    const machine: Machine = {
      enter,
      sh: async (command, limit, options = {}) => tryRun([...enter, command], { env, ...options }, limit),
      must: async (command, limit, options = {}) => run([...enter, command], { env, ...options }, limit),
      stop,
    }
    const isUp = async (limit: AbortSignal) =>
      /running|degraded/.test((await machine.sh('systemctl is-system-running', limit)).stdout)
    await waitFor('the machine to be up', isUp, BOOTS, signal)
    if (place === undefined) await machine.must('ip link set lo up', signal)
    return machine
  } catch (error) {
    await stop()
    throw error
  }
}

function start([program = '', ...argv]: readonly string[]): ChildProcess {
  const child = spawn(program, argv, { stdio: ['ignore', 'ignore', 'inherit'] })
  child.on('error', () => {})
  return child
}

/** Its systemd, once boot-machine.sh has become it. */
function firstProcess(child: ChildProcess): number | undefined {
  if (child.exitCode !== null) throw new Error(`the machine ended with ${child.exitCode} before it was up`)
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
  const pid = Number(children.trim().split(' ')[0])
  if (!Number.isInteger(pid) || pid === 0) return undefined
  return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'systemd' ? pid : undefined
}
