/** The clients and servers of the benchmark data-path: built once, and kept on a core of their own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { cached, hashOf, readTree } from '../lab/cache.ts'
import { run } from '../lab/process.ts'
import { step, toStderr } from '../lab/progress.ts'
import { findGo } from '../lab/requirements.ts'

const SOURCES = join(import.meta.dirname, 'data-path-load')
const NAME = 'data-path-load'
const BUILT_WITHIN_MS = 300_000
const ANSWERS_WITHIN_MS = 30_000
/** The proxy has the first core of the machine, all others' work is done on the second. */
const CORES = { proxy: '0', load: '1' } as const

/** Builds the program unless it was built before, and gives its path. */
export async function buildLoad(signal: AbortSignal): Promise<string> {
  const make = async (target: string) => {
    const go = await findGo(signal)
    if (go === undefined) throw new Error('Go is missing')
    mkdirSync(target)
    const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false', GOWORK: 'off' }
    const argv = [go, 'build', '-trimpath', '-o', `${target}/`, '.']
    await step(toStderr, 'building the load', () =>
      run(argv, { cwd: SOURCES, env, timeoutMs: BUILT_WITHIN_MS }, signal),
    )
  }
  return join(await cached(`${NAME}-${hashOf(readTree(SOURCES))}`, make, toStderr, signal), NAME)
}

/** What this process starts from now on runs on the proxy's core. */
export function stayOnProxyCore(): void {
  // The main thread alone: it is the one that starts processes.
  execFileSync('taskset', ['-p', '-c', CORES.proxy, String(process.pid)], { stdio: 'ignore' })
}

export interface LoadServer {
  readonly stop: () => Promise<void>
}

/** Starts servers on all addresses at one port. `what`: `serve` sends as long as somebody listens, `answer` sends one byte. */
export async function startServer(program: string, what: 'serve' | 'answer', port: number): Promise<LoadServer> {
  const argv = ['-c', CORES.load, program, what, `0.0.0.0:${port}`]
  const child: ChildProcess = spawn('taskset', argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  const kill = () => child.kill('SIGKILL')
  process.on('exit', kill)
  await Promise.race([
    new Promise((resolve) => child.stdout?.once('data', resolve)),
    once(child, 'exit').then(() => Promise.reject(new Error(`${what} has ended`))),
  ])
  return {
    stop: async () => {
      process.off('exit', kill)
      if (child.exitCode !== null) return
      const gone = once(child, 'exit')
      kill()
      await gone
    },
  }
}

export interface Order {
  /** Bytes that are received, or connections that are made. */
  readonly amount: number
  readonly at: string
  readonly clients: number
  /** Of the proxy's processes. */
  readonly pids: readonly number[]
  readonly what: 'transfers' | 'connections'
}

export interface Sample {
  /** Bytes, or connections. */
  readonly amount: number
  readonly elapsedNs: number
  /** Processor time of the proxy. */
  readonly spentNs: number
}

export interface LoadClients {
  /** One at a time. */
  readonly measure: (order: Order) => Promise<Sample>
  readonly stop: () => Promise<void>
}

/** Starts what asks: one process for all samples, so that none has to warm up. */
export async function startClients(program: string): Promise<LoadClients> {
  const child = spawn('taskset', ['-c', CORES.load, program, 'clients'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const kill = () => child.kill('SIGKILL')
  process.on('exit', kill)
  await once(child, 'spawn')
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    measure: async ({ amount, at, clients, pids, what }) => {
      child.stdin.write(`${[what, at, clients, amount, ...pids].join(' ')}\n`)
      const late = AbortSignal.timeout(ANSWERS_WITHIN_MS)
      const line = await Promise.race([lines.next(), once(late, 'abort')])
      if (!('value' in line) || line.done === true) throw new Error(`no answer from clients of ${at}`)
      const [done = 0, elapsedNs = 0, spentNs = 0] = line.value.split(' ').map(Number)
      return { amount: done, elapsedNs, spentNs }
    },
    stop: async () => {
      process.off('exit', kill)
      if (child.exitCode !== null) return
      const gone = once(child, 'exit')
      kill()
      await gone
    },
  }
}
