/** `fairway edge` as a process of its own on the sources of this checkout, beside a proxy program that is a unit of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseTokens } from '../../src/config/edge-tokens.ts'
import { initEdge } from '../../src/edge/init.ts'
import { hashToken, makeToken } from '../../src/edge/tokens.ts'
import { freePort } from '../lab/free-port.ts'
import type { PairUnit, ProxyUnit } from './unit.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
const STARTS_WITHIN_MS = 20_000

/** Ended with this process even where no test gets to do it. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export interface EdgeUnit<Unit extends ProxyUnit | PairUnit = ProxyUnit | PairUnit> {
  readonly dir: string
  readonly proxy: Unit
  /** Of the API. */
  readonly url: string
  /** Whose certificate its own is signed by. */
  readonly caFile: string
  readonly configFile: string
  /** A file with a token for `cluster/class` or `cluster/*`, made when it is first asked for. */
  readonly tokenFile: (owner: string) => string
  /** Sets keys of edge.yaml, for the next start. */
  readonly configure: (keys: object) => Promise<void>
  /** Starts the edge and waits until it hears clusters, and unless told otherwise until the program serves what it shall. */
  readonly start: (until?: 'hearing') => Promise<void>
  /** Ends the edge, by SIGKILL as a power cut would. */
  readonly end: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>
  readonly pid: () => number
  readonly ready: () => Promise<boolean>
  readonly metrics: () => Promise<string>
  readonly log: () => Promise<string>
  /** Ends both, and removes their folders. */
  readonly close: () => Promise<void>
}

export interface EdgeWishes<Unit extends ProxyUnit | PairUnit = ProxyUnit | PairUnit> {
  /** Where API and status listen: the tests' own piece of loopback. */
  readonly address: string
  /** The program, or both, not started yet; it is closed with the edge. */
  readonly proxy: Unit
  /** Keys of edge.yaml. */
  readonly config?: object
  /** Arguments of Node up to the program's own, where it is not run from the sources. */
  readonly program?: readonly string[]
  /** A command that takes rights away and becomes the one behind it. */
  readonly under?: readonly string[]
}

/** Prepares a machine as its administrator does: the program runs, with files of ours that serve nothing, and the edge has yet to be started. */
export async function makeEdge<Unit extends ProxyUnit | PairUnit>(wishes: EdgeWishes<Unit>): Promise<EdgeUnit<Unit>> {
  const { address, proxy, config = {}, program = [MAIN], under = [] } = wishes
  const dir = await mkdtemp(join(tmpdir(), 'fairway-edge-'))
  const [port, statusPort] = [await freePort(address), await freePort(address)]
  const path = join(dir, 'edge.yaml')
  const edge = createProcess(
    dir,
    [...under, process.execPath, ...program, 'edge', '--config', path],
    `http://${address}:${statusPort}`,
  )
  const close = async () => {
    await edge.end('SIGKILL')
    await proxy.close()
    await rm(dir, { recursive: true, force: true })
  }
  try {
    const names = { cluster: 'lab', className: undefined, addresses: [address], name: 'edge-1' }
    await initEdge({ ...names, dir, force: false }, new Date())
    const configure = configureIn(path, {
      listen: `${address}:${port}`,
      status: `${address}:${statusPort}`,
      tls: { certFile: 'edge.crt', keyFile: 'edge.key' },
      stateDir: 'state',
      addresses: ['127.0.0.0/8', '::1'],
      // Targets of tests live on loopback.
      targets: { allow: ['127.0.0.0/8', '::1'] },
      ...('engines' in proxy ? { engines: proxy.engines } : { engine: proxy.engine }),
    })
    await configure(config)
    await proxy.prepare()
    await proxy.start()
    const own = { dir, proxy, url: `https://${address}:${port}`, caFile: join(dir, 'ca.crt'), configFile: path }
    return { ...own, configure, tokenFile: createTokens(dir), ...edge, close }
  } catch (error) {
    await close()
    throw error
  }
}

function configureIn(path: string, keys: Record<string, unknown>): EdgeUnit['configure'] {
  return async (more) => {
    Object.assign(keys, more)
    await writeFile(path, JSON.stringify(keys))
  }
}

function createProcess(dir: string, [file = '', ...argv]: readonly string[], statusUrl: string) {
  const logFile = join(dir, 'edge.log')
  let child: ChildProcess | undefined
  let began = 0

  const log = () => readFile(logFile, 'utf8').catch(() => '')
  const status = (path: string) => fetch(statusUrl + path, { signal: AbortSignal.timeout(2_000) })
  const ready = () =>
    status('/readyz').then(
      ({ ok }) => ok,
      () => false,
    )
  const hears = async () => (await log()).slice(began).includes('the edge hears clusters')

  async function start(until?: 'hearing'): Promise<void> {
    began = (await log()).length
    const output = openSync(logFile, 'a')
    const started = spawn(file, argv, {
      stdio: ['ignore', output, output],
      env: { ...process.env, FAIRWAY_LOG_LEVEL: 'info' },
    })
    closeSync(output)
    child = started
    running.add(started)
    started.once('exit', () => running.delete(started))
    const deadline = Date.now() + STARTS_WITHIN_MS
    const isUp = async () => (await hears()) && (until === 'hearing' || (await ready()))
    while (!(await isUp())) {
      if (started.exitCode !== null || started.signalCode !== null || Date.now() > deadline)
        throw new Error(`fairway edge did not start:\n${await log()}`)
      await sleep(20)
    }
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const ended = child
    child = undefined
    if (ended === undefined || ended.exitCode !== null || ended.signalCode !== null) return
    const gone = once(ended, 'exit')
    ended.kill(signal)
    await gone
  }

  const metrics = async () => (await status('/metrics')).text()
  return { start, end, ready, metrics, log, pid: () => child?.pid ?? 0 }
}

/** Tokens beside those that are there, as `fairway edge token add` makes them, at once. */
function createTokens(dir: string): EdgeUnit['tokenFile'] {
  const path = join(dir, 'tokens.yaml')
  const made = new Map<string, string>()
  return (owner) => {
    const known = made.get(owner)
    if (known !== undefined) return known
    const token = makeToken()
    const entry = { owner, sha256: hashToken(token), created: new Date().toISOString() }
    const tokens = [...parseTokens(readFileSync(path, 'utf8'), path), entry]
    writeFileSync(`${path}.test`, JSON.stringify({ tokens }))
    renameSync(`${path}.test`, path)
    const file = join(dir, `token-${made.size}`)
    writeFileSync(file, `${token}\n`)
    made.set(owner, file)
    return file
  }
}
