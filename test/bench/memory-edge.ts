/** Starts an edge whose proxy program is memory, as a process of its own. */
import { join } from 'node:path'
import { type EdgeUnit, makeEdge } from '../edge-lab/edge.ts'
import type { ProxyUnit } from '../edge-lab/unit.ts'
import { bundleInto, edgeFlags } from './edge-bundle.ts'

const ADDRESS = '127.0.0.1'

/** The program of the configuration is never asked. */
const NO_PROGRAM: ProxyUnit = {
  dir: '',
  engine: { haproxy: {} },
  prepare: () => Promise.resolve(),
  start: () => Promise.resolve(),
  kill: () => Promise.resolve(),
  pids: () => Promise.resolve([]),
  generation: () => Promise.resolve(''),
  log: () => Promise.resolve(''),
  close: () => Promise.resolve(),
}

/** What its program has taken. */
export interface AppliedState {
  readonly frontends: number
  /** Epoch milliseconds. */
  readonly at: number
}

/** Bundles the edge into a folder; gives the arguments of Node that run it. */
export function bundleMemoryEdge(dir: string): readonly string[] {
  return [...edgeFlags(), bundleInto(dir, join(import.meta.dirname, 'memory-edge-main.ts'))]
}

/** Starts one that has served nothing yet, for frontends of a pool. */
export async function startMemoryEdge(program: readonly string[], pool: string): Promise<EdgeUnit> {
  const limits = { apply: '60s', request: '60s', frontends: 50_000 }
  const config = { addresses: [pool], targets: { allow: ['10.0.0.0/8'] }, limits }
  const edge = await makeEdge({ address: ADDRESS, proxy: NO_PROGRAM, program, config })
  try {
    await edge.start()
    return edge
  } catch (error) {
    await edge.close()
    throw error
  }
}

/** The states that the program of an edge has taken so far, in order. */
export async function appliedBy(edge: EdgeUnit): Promise<readonly AppliedState[]> {
  const lines = (await edge.log()).split('\n').filter((line) => line.includes('"msg":"applied"'))
  return lines.map((line) => JSON.parse(line) as AppliedState)
}
