/** Child processes: commands that end, and daemons that are recorded on disk so that a later run can end them too. */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tail } from './tail.ts'
import { delay, type Watched, waitFor } from './wait.ts'

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  readonly input?: string
  readonly timeoutMs?: number
  /** Called with each piece of standard error as it comes, for progress. */
  readonly onStderr?: (text: string) => void
}

export interface Output {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end whatever its exit code; a signal or an expired time limit kills it and throws. */
export async function tryRun(argv: readonly string[], options: RunOptions, signal: AbortSignal): Promise<Output> {
  const timeoutMs = options.timeoutMs ?? 60_000
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  limit.throwIfAborted()
  const [command = '', ...args] = argv
  const child = spawn(command, args, { env: options.env, cwd: options.cwd, stdio: 'pipe' })
  const kill = () => child.kill('SIGKILL')
  limit.addEventListener('abort', kill, { once: true })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    options.onStderr?.(text)
  })
  // A command that ends without reading its input is no error of ours.
  child.stdin.on('error', () => {}).end(options.input ?? '')
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', reject).on('close', (status, killedBy) => resolve(status ?? (killedBy ? 128 : 1)))
    })
    signal.throwIfAborted()
    if (limit.aborted) throw new Error(`${argv.join(' ')} took longer than ${timeoutMs} ms\n${tail(stderr)}`)
    return { code, stdout, stderr }
  } finally {
    limit.removeEventListener('abort', kill)
  }
}

/** Runs a command that must succeed; gives its standard output. The error carries the end of what it printed. */
export async function run(argv: readonly string[], options: RunOptions, signal: AbortSignal): Promise<string> {
  const output = await tryRun(argv, options, signal)
  if (output.code === 0) return output.stdout
  throw new Error(`${argv.join(' ')} ended with ${output.code}\n${tail(output.stderr || output.stdout)}`)
}

export interface Daemon extends Watched {
  readonly pid: number
}

export interface DaemonOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
}

/** Starts a process that outlives this one if need be, with its output in DIR/NAME.log and its identity in DIR/NAME.pid. */
export function startDaemon(dir: string, name: string, argv: readonly string[], options: DaemonOptions = {}): Daemon {
  const [command = '', ...args] = argv
  const logFile = join(dir, `${name}.log`)
  const log = openSync(logFile, 'a')
  // A session of its own: Ctrl-C must reach us alone, so that we can stop things in order.
  const child = spawn(command, args, { ...options, detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  let exit: number | string | undefined
  child.on('exit', (code, killedBy) => {
    exit = code ?? killedBy ?? 'unknown'
  })
  child.on('error', (error) => {
    exit = error.message
  })
  child.unref()
  const pid = child.pid ?? 0
  if (pid) writeFileSync(join(dir, `${name}.pid`), `${pid} ${readStartTime(pid) ?? ''}`)
  return { name, pid, logFile, exitCode: () => exit }
}

/** A process as it was when recorded: the start time tells it from a later one with the same id. */
export interface ProcessRecord {
  readonly pid: number
  readonly startTime: string
}

export function readRecord(pidFile: string): ProcessRecord | undefined {
  try {
    const [pid, startTime] = readFileSync(pidFile, 'utf8').split(' ')
    return pid && startTime ? { pid: Number(pid), startTime } : undefined
  } catch {
    return undefined
  }
}

export function recordOf(pid: number): ProcessRecord | undefined {
  const startTime = readStartTime(pid)
  return startTime ? { pid, startTime } : undefined
}

/** Ends processes: SIGTERM, after graceMs SIGKILL, and waits until they are gone. */
export async function stopProcesses(
  records: readonly ProcessRecord[],
  graceMs: number,
  signal: AbortSignal,
): Promise<void> {
  const left = () => records.filter(isAlive)
  for (const record of graceMs > 0 ? left() : []) sendSignal(record.pid, 'SIGTERM')
  const deadline = Date.now() + graceMs
  while (left().length > 0 && Date.now() < deadline) await delay(20, signal)
  for (const record of left()) sendSignal(record.pid, 'SIGKILL')
  await waitFor(
    'killed processes to be gone',
    async () => left().length === 0,
    { timeoutMs: 10_000, intervalMs: 20 },
    signal,
  )
}

export function isAlive({ pid, startTime }: ProcessRecord): boolean {
  return readStartTime(pid) === startTime
}

function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // Gone between the look and the signal.
  }
}

/**
 * In clock ticks since boot; undefined for no process and for one that is dead and merely not reaped. One whose first thread alone is dead is not: until the others are,
 * its sockets stay open.
 */
function readStartTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the name in parentheses and may itself contain any of them.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const isDead = fields[0] === 'Z' || fields[0] === 'X'
    return isDead && Number(fields[17]) <= 1 ? undefined : fields[19]
  } catch {
    return undefined
  }
}
