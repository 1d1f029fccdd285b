/** The chain that is measured, from the driver to the proxy program, and beside it a program of the same kind that is worked by hand. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEdgeDriver } from '../../src/drivers/edge.ts'
import type { Driver } from '../../src/model/driver.ts'
import { makeEdge } from '../edge-lab/edge.ts'
import { HAPROXY_ADMIN } from '../edge-lab/haproxy.ts'
import { freePort } from '../lab/free-port.ts'
import type { ByHand } from './by-hand.ts'
import { edgeUnder } from './edge-bundle.ts'
import type { ProgramKind } from './programs.ts'
import { startWire, type Wire } from './wire.ts'

const OWNER = { cluster: 'bench', className: 'public', uid: '3d9ee2ad-7d4c-4a57-a6b5-0d3a4f3f3c61' }
const API_ADDRESS = '127.0.0.1'
const REQUEST_MS = 60_000
/** The first table is the largest change. */
const LIMITS = { apply: '60s', request: '60s' }

export interface Machine {
  readonly driver: Driver
  readonly wire: Wire
  /** How many requests that write were sent since it was asked before. */
  readonly countWrites: () => number
  readonly byHand: ByHand
  /** The program with its version: `haproxy 2.6.12`. */
  readonly engine: string
  /** Memory of the edge, in bytes: now, and the most since its start. */
  readonly memory: () => { readonly resident: number; readonly peak: number }
  readonly close: () => Promise<void>
}

/** `argv`: arguments of Node with which the edge runs. The program to be worked by hand is not started yet. */
export async function startMachine(kind: ProgramKind, argv: readonly string[]): Promise<Machine> {
  const { ours, byHand } = await kind.make()
  const edge = await makeEdge({
    address: API_ADDRESS,
    proxy: ours,
    program: argv,
    under: edgeUnder(),
    config: { limits: LIMITS },
  })
  try {
    await edge.start()
    const wire = await startWire(Number(new URL(edge.url).port))
    let writes = 0
    const driver = createEdgeDriver({
      proxy: 'bench',
      url: `https://${API_ADDRESS}:${wire.port}`,
      tls: { caFile: edge.caFile },
      tokenFile: edge.tokenFile(`${OWNER.cluster}/${OWNER.className}`),
      owner: OWNER,
      timeoutMs: REQUEST_MS,
      epoch: 1,
      log: { debug: () => {}, info: () => {}, warn: () => {} },
      fence: () => {
        writes += 1
      },
    })
    return {
      driver,
      wire,
      countWrites: () => {
        const counted = writes
        writes = 0
        return counted
      },
      byHand,
      engine: /"engine":"([^"]+)"/.exec(await edge.log())?.[1] ?? '',
      memory: () => memoryOf(edge.pid()),
      close: async () => {
        await driver.close()
        await wire.close()
        await Promise.all([edge.close(), byHand.close()])
      },
    }
  } catch (error) {
    await Promise.all([edge.close(), byHand.close()])
    throw error
  }
}

/** Says for all nodes that they are well: what listens on all of this machine answers at any address of loopback. */
export async function startNodes(): Promise<{ readonly port: number; readonly stop: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-nodes-'))
  const port = await freePort('0.0.0.0')
  const file = join(dir, 'nodes.cfg')
  const lines = [
    'mode http',
    `bind 0.0.0.0:${port}`,
    'http-request return status 200 content-type text/plain string ok',
  ]
  await writeFile(file, `${HAPROXY_ADMIN}frontend nodes\n${lines.map((line) => `  ${line}\n`).join('')}`)
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] })
  process.on('exit', () => child.kill('SIGKILL'))
  await once(child, 'spawn')
  const stop = async () => {
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
    await rm(dir, { recursive: true })
  }
  return { port, stop }
}

function memoryOf(pid: number): ReturnType<Machine['memory']> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const bytes = (field: string) => 1_024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
  return { resident: bytes('VmRSS'), peak: bytes('VmHWM') }
}
