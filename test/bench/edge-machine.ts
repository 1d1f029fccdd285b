/** The chain that is measured, from the driver to HAProxy, and beside it a HAProxy of the same kind that is worked by hand. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEdgeDriver } from '../../src/drivers/edge.ts'
import type { Driver } from '../../src/model/driver.ts'
import { freePort } from '../contract/sockets.ts'
import { makeEdge } from '../edge-lab/edge.ts'
import { type HaproxyUnit, makeHaproxy } from '../edge-lab/haproxy.ts'
import { startWire, type Wire } from './wire.ts'

const ADMIN = `global
  maxconn 4000

defaults
  mode tcp
  timeout client 1m
  timeout server 1m
  timeout connect 5s
`
const OWNER = { cluster: 'bench', className: 'public', uid: '3d9ee2ad-7d4c-4a57-a6b5-0d3a4f3f3c61' }
const API_ADDRESS = '127.0.0.1'
const REQUEST_MS = 60_000

/** Where the frontends of the HAProxy that is worked by hand are, in place of the others'. */
const BARE_BIND = { from: / bind 127\.100\./g, to: ' bind 127.101.' } as const

export interface Machine {
  readonly driver: Driver
  readonly wire: Wire
  /** How many requests that write were sent since it was asked before. */
  readonly countWrites: () => number
  /** Worked by the edge. */
  readonly ours: HaproxyUnit
  /** Worked by hand. */
  readonly bare: HaproxyUnit
  /** The file of ours, as the other one needs it. */
  readonly bareText: () => Promise<string>
  /** Memory of the edge, in bytes: now, and the most since its start. */
  readonly memory: () => { readonly resident: number; readonly peak: number }
  readonly close: () => Promise<void>
}

/** `program`: arguments of Node with which the edge runs. The HAProxy to be worked by hand is not started yet. */
export async function startMachine(program: readonly string[]): Promise<Machine> {
  const edge = await makeEdge({ address: API_ADDRESS, admin: ADMIN, program })
  const bare = await makeHaproxy(ADMIN)
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
      ours: edge.haproxy,
      bare,
      bareText: async () => (await readFile(edge.haproxy.configFile, 'utf8')).replaceAll(BARE_BIND.from, BARE_BIND.to),
      memory: () => memoryOf(edge.pid()),
      close: async () => {
        await driver.close()
        await wire.close()
        await Promise.all([edge.close(), bare.close()])
      },
    }
  } catch (error) {
    await Promise.all([edge.close(), bare.close()])
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
  await writeFile(file, `${ADMIN}frontend nodes\n${lines.map((line) => `  ${line}\n`).join('')}`)
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
