/** The operator and the edge as they are shipped, each a process of its own, between a real API server and a real HAProxy. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EdgeUnit, makeEdge } from '../edge-lab/edge.ts'
import { type HaproxyUnit, makeHaproxy } from '../edge-lab/haproxy.ts'
import { freePort } from '../lab/free-port.ts'
import { step, toStderr } from '../lab/progress.ts'
import { waitFor } from '../lab/wait.ts'
import { bundleInto, edgeFlags, edgeUnder, operatorEnv, operatorFlags } from './edge-bundle.ts'
import { type BenchCluster, POOL, startCluster } from './reaction-cluster.ts'

const EDGE_ADDRESS = '127.0.0.1'
const OWNER = { cluster: 'bench', className: 'public' }
/** The first table is the largest change. */
const LIMITS = { apply: '60s', request: '60s' }
const SETTLES_WITHIN_MS = 300_000

export interface OperatorChild {
  readonly name: string
  readonly logFile: string
  readonly pid: number
  exitCode(this: void): number | string | undefined
  stop(): Promise<void>
}

export interface Chain {
  readonly cluster: BenchCluster
  readonly haproxy: HaproxyUnit
  readonly edge: EdgeUnit
  readonly operator: OperatorChild
  readonly stop: () => Promise<void>
}

/** Starts all of it, and waits until every Service is served and told so. */
export async function startChain(services: number, nodes: number, signal: AbortSignal): Promise<Chain> {
  const dir = mkdtempSync(join(tmpdir(), 'fairway-bench-'))
  const ends: (() => unknown)[] = [() => rmSync(dir, { recursive: true })]
  const stop = async () => {
    for (const end of ends.toReversed()) await end()
  }
  try {
    const bundle = bundleInto(dir)
    const cluster = await startCluster(services, nodes, signal)
    ends.push(() => cluster.lab.stop(AbortSignal.timeout(30_000)))
    const haproxy = await makeHaproxy()
    const edge = await makeEdge({
      address: EDGE_ADDRESS,
      proxy: haproxy,
      program: [...edgeFlags(), bundle],
      under: edgeUnder(),
      config: { limits: LIMITS, engine: shippedPace(haproxy) },
    })
    ends.push(() => edge.close())
    await edge.start()
    const config = join(dir, 'fairway.yaml')
    writeFileSync(config, JSON.stringify(configFor(edge)))
    const operator = await startOperator([...operatorFlags(), bundle], dir, config, cluster.lab.kubeconfig)
    ends.push(() => operator.stop())
    await step(toStderr, 'until all of them are served', () => settle(cluster, operator, services, signal))
    return { cluster, haproxy, edge, operator, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Tests reload as often as they like; a proxy's machine does not. */
function shippedPace({ engine }: HaproxyUnit): object {
  const { minReloadInterval: _, ...haproxy } = engine['haproxy'] as { readonly minReloadInterval?: string }
  return { haproxy }
}

function configFor(edge: EdgeUnit): object {
  const tokenFile = edge.tokenFile(`${OWNER.cluster}/${OWNER.className}`)
  const proxy = { name: 'edge-1', edge: { url: edge.url, caFile: edge.caFile, tokenFile } }
  // Nobody answers at the nodes' addresses, and a benchmark sends nothing out of its machine.
  const defaults = { 'health-check': 'off' }
  const pools = [{ name: 'main', addresses: POOL }]
  return {
    cluster: OWNER.cluster,
    classes: [{ name: OWNER.className, default: true, pools, defaults, proxies: [proxy] }],
  }
}

async function startOperator(
  program: readonly string[],
  dir: string,
  config: string,
  kubeconfig: string,
): Promise<OperatorChild> {
  const logFile = join(dir, 'operator.log')
  const healthPort = await freePort('127.0.0.1')
  const argv = ['run', '--config', config, '--kubeconfig', kubeconfig, '--health-port', String(healthPort)]
  const output = openSync(logFile, 'a')
  const child = spawn(process.execPath, [...program, ...argv, '--lease-namespace', 'default'], {
    stdio: ['ignore', output, output],
    env: { ...process.env, ...operatorEnv() },
  })
  closeSync(output)
  const kill = () => child.kill('SIGKILL')
  process.on('exit', kill)
  child.on('exit', () => process.off('exit', kill))
  await once(child, 'spawn')
  const exitCode = () => child.exitCode ?? child.signalCode ?? undefined
  return {
    name: 'the operator',
    logFile,
    pid: child.pid ?? 0,
    exitCode,
    stop: async () => {
      if (exitCode() !== undefined) return
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    },
  }
}

async function settle(
  { countPublished }: BenchCluster,
  operator: OperatorChild,
  services: number,
  signal: AbortSignal,
): Promise<void> {
  const done = async (limit: AbortSignal) => (await countPublished(limit)) === services
  const timing = { timeoutMs: SETTLES_WITHIN_MS, intervalMs: 2_000, daemons: [operator] }
  await waitFor('every Service to have its address', done, timing, signal)
}

/** Processor time that a process has taken so far, in milliseconds (proc(5), fields 14 and 15, in hundredths of a second). */
export function processorMs(pid: number): number {
  const [, , ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return 10 * (Number(fields[9]) + Number(fields[10]))
}
