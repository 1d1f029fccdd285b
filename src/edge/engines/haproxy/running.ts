import { setTimeout as sleep } from 'node:timers/promises'
import { FairwayError, type Problem } from '../../../model/problems.ts'
import { orUnreachable } from '../common/unreachable.ts'
import type { Master } from './master.ts'
import { SHAPE_BACKEND } from './render.ts'
import type { Occupant } from './slots.ts'
import type { Tools } from './tools.ts'

/** One server, as `show servers state` gives it (management.txt, section 9.3). */
export interface RunningServer {
  readonly address: string
  /** 0: the port that frontends set. */
  readonly port: number
  readonly weight: number
  /** Taken out by name, in the file or by a command; not where a server that it tracks was. */
  readonly maintenance: boolean
  /** Taken out by a command that is none of ours. */
  readonly drained: boolean
  readonly up: boolean
}

/** What a running HAProxy serves of ours. */
export interface Running {
  /** Process id of the worker that accepts connections. */
  readonly worker: number
  readonly reloads: number
  /** Whether the last reload failed, and the worker is from before it. */
  readonly failed: boolean
  /** How many workers of earlier configurations still have connections. */
  readonly old: number
  /** Of the configuration it runs; undefined: none of ours. */
  readonly shape: string | undefined
  /** By names of backend and server. */
  readonly backends: ReadonlyMap<string, ReadonlyMap<string, RunningServer>>
}

/** Asks for all at once, so that it is all about one worker. */
export async function readRunning(master: Master, signal: AbortSignal): Promise<Running | undefined> {
  return parseRunning(await master.ask('show proc;@1 show servers state', signal))
}

/** A reload that somebody else began leaves the master without a worker that answers, for a moment. */
const NO_WORKER_FOR_MS = 3_000
const LOOK_EVERY_MS = 20

/** What runs, or why that is not known. */
export function findRunning(
  tools: Pick<Tools, 'master' | 'options'>,
  signal: AbortSignal,
): Promise<Running | FairwayError> {
  return orUnreachable(awaitWorker(tools, signal))
}

async function awaitWorker(
  { master, options }: Pick<Tools, 'master' | 'options'>,
  signal: AbortSignal,
): Promise<Running> {
  const deadline = performance.now() + NO_WORKER_FOR_MS
  for (;;) {
    const running = await readRunning(master, signal)
    if (running !== undefined) return running
    if (performance.now() > deadline) throw new FairwayError(noWorker(options.masterSocket))
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
}

function noWorker(masterSocket: string): Problem {
  const message = `the HAProxy behind ${masterSocket} has no worker`
  return { code: 'ProxyUnreachable', kind: 'transient', message, remedy: 'Look into the log of HAProxy' }
}

const MASTER = /^\d+ +master +(?<reloads>\d+)(?: +\[failed: (?<failed>\d+)\])?/m
const WORKERS = /^# workers\n(?<current>(?:\d.*\n)*)(?:# old workers\n(?<old>(?:\d.*\n)*))?/m

/** Reads the answers to `show proc` and `show servers state`; undefined where there is no worker that answers. */
export function parseRunning(text: string): Running | undefined {
  const processes = WORKERS.exec(text)?.groups
  const counts = MASTER.exec(text)?.groups
  const worker = /^\d+/.exec(processes?.['current'] ?? '')?.[0]
  const table = text.indexOf('# be_id ')
  if (worker === undefined || table < 0) return undefined
  const backends = parseServers(text.slice(table))
  const [shape] = backends.get(SHAPE_BACKEND)?.keys() ?? []
  return {
    worker: Number(worker),
    reloads: Number(counts?.['reloads'] ?? 0),
    failed: Number(counts?.['failed'] ?? 0) > 0,
    old: (processes?.['old'] ?? '').split('\n').length - 1,
    shape,
    backends,
  }
}

const FORCED_MAINTENANCE = 0x01
const FORCED_DRAIN = 0x08
const STOPPED = 0

/** Our own backends only. The columns are named in the first line; later versions of HAProxy have more of them. */
function parseServers(table: string): Running['backends'] {
  const [head = '', ...lines] = table.split('\n')
  const columns = head.slice('# '.length).split(' ')
  const place = (name: string) => columns.indexOf(name)
  const [backend, server, address, port] = ['be_name', 'srv_name', 'srv_addr', 'srv_port'].map(place)
  const [weight, admin, operation] = ['srv_uweight', 'srv_admin_state', 'srv_op_state'].map(place)
  const backends = new Map<string, Map<string, RunningServer>>()
  for (const line of lines) {
    const fields = line.split(' ')
    const field = (index = -1) => fields[index] ?? ''
    const name = field(backend)
    if (!name.startsWith('fairway.')) continue
    const servers = backends.get(name) ?? new Map<string, RunningServer>()
    backends.set(name, servers)
    const state = Number(field(admin))
    servers.set(field(server), {
      address: field(address),
      port: Number(field(port)),
      weight: Number(field(weight)),
      maintenance: (state & FORCED_MAINTENANCE) !== 0,
      drained: (state & FORCED_DRAIN) !== 0,
      up: Number(field(operation)) !== STOPPED,
    })
  }
  return backends
}

/** Who is in the slots of a backend. `port` is the backend's own, which a target need not name. */
export function occupantsOf(
  servers: ReadonlyMap<string, RunningServer>,
  port: number | undefined,
): readonly (Occupant | undefined)[] {
  return [...servers.values()].map((server) =>
    server.maintenance
      ? undefined
      : { address: server.address, port: server.port === (port ?? 0) ? undefined : server.port },
  )
}
