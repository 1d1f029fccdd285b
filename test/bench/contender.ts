/** Those that give Services their addresses: Fairway, and MetalLB's controller beside it. Each is a process of its own, alone at work. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EdgeUnit } from '../edge-lab/edge.ts'
import { freePort } from '../lab/free-port.ts'
import type { LabProcess } from '../lab/lab.ts'
import { waitFor } from '../lab/wait.ts'
import type { ApiWorld } from './api-world.ts'
import { operatorEnv } from './edge-bundle.ts'

/** Of the addresses that the operator gives. */
export const POOL = { cidr: '10.100.0.0/16', isOwn: (ip: string) => ip.startsWith('10.100.') }
const STARTS_WITHIN_MS = 60_000

let count = 0

/**
 * Starts the operator as its image does, with one class, the default, and one edge. `program`: arguments of Node that run it; `more`: of the operator. It is not
 * ready yet.
 */
export async function startOperator(
  { lab, dir }: ApiWorld,
  program: readonly string[],
  edge: EdgeUnit,
  more: readonly string[] = [],
): Promise<LabProcess & { readonly healthUrl: string }> {
  const name = `operator-${count++}`
  const file = join(dir, `${name}.yaml`)
  const proxy = {
    name: 'edge-1',
    edge: { url: edge.url, caFile: edge.caFile, tokenFile: edge.tokenFile('bench/public') },
  }
  const pools = [{ name: 'main', addresses: [POOL.cidr] }]
  const classes = [{ name: 'public', default: true, pools, proxies: [proxy] }]
  writeFileSync(file, JSON.stringify({ cluster: 'bench', classes }))
  const healthPort = String(await freePort('127.0.0.1'))
  const argv = ['run', '--config', file, '--kubeconfig', lab.kubeconfig, '--health-port', healthPort]
  const child = lab.spawn('host', name, [process.execPath, ...program, ...argv, ...more], operatorEnv())
  return { ...child, healthUrl: `http://127.0.0.1:${healthPort}` }
}

/** Waits until a process answers at a URL. */
export async function answersAt(url: string, child: LabProcess, signal: AbortSignal): Promise<void> {
  const probe = async (limit: AbortSignal) => (await fetch(url, { signal: limit })).ok
  await waitFor(`${url} to answer`, probe, { timeoutMs: STARTS_WITHIN_MS, intervalMs: 50, daemons: [child] }, signal)
}
