/** What each test of the suite for engines has: a program, three targets and their health, and addresses of its own. */
import { createServer, type Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BoundFrontend, Engine, EngineState } from '../../src/edge/engines/engine.ts'
import { compareText, type Frontend, type ProxyProtocol, type Target } from '../../src/model/table.ts'
import { freePort } from '../lab/free-port.ts'
import { frontend } from '../support/builders.ts'
import { type Backend, startTcpBackend } from './backends.ts'
import type { Endpoint } from './harness.ts'

/** A running program of one kind, for one test. */
export interface EngineHarness {
  /** An engine for the program: a second one is the edge after a restart. */
  readonly engine: () => Promise<Engine>
  /** Tells the processes that serve new connections apart: changes with each reload. */
  readonly generation: () => Promise<string>
  /** Ends the program as a power cut would, and starts it again as its unit does. */
  readonly kill: () => Promise<void>
  readonly start: () => Promise<void>
  /** Makes the program reject every new configuration, until the returned function is called. */
  readonly rejectAll: () => Promise<() => Promise<void>>
  /** Makes it reject what it is told of one frontend, for good. */
  readonly rejectOne: (id: string) => Promise<void>
  readonly close: () => Promise<void>
}

/** The administrator's own part of the program's configuration: passes connections on. */
export interface AdminPart {
  readonly from: Endpoint
  readonly to: Endpoint
}

export interface EngineKind {
  readonly name: string
  /** How a target that changes comes to the program. */
  readonly targetsChange: 'runtime' | 'reload'
  start(admin: AdminPart): Promise<EngineHarness>
  /** Tests of the suite that this kind cannot pass: name → reason. */
  readonly skips?: Readonly<Record<string, string>>
}

export type EngineTest = (world: EngineWorld) => Promise<void>

export type Groups = Readonly<Record<string, readonly Target[]>>

export interface EngineWorld {
  readonly kind: EngineKind
  readonly harness: EngineHarness
  readonly engine: Engine
  /** Aborted when the test takes too long, and when it is over. */
  readonly signal: AbortSignal
  /** Where the administrator's own part listens. */
  readonly admin: Endpoint
  /** Of all targets. */
  readonly targetPort: number
  /** They call themselves so, too. */
  readonly targets: Readonly<Record<'a' | 'b' | 'c', Target>>
  /** Groups `a`, `b`, `c`, `ab`, `abc` and `none`. */
  readonly groups: Groups
  /** The newest version that the program sends to targets. */
  readonly newestProxy: ProxyProtocol
  /** Addresses that clients may come from. */
  readonly clients: readonly [string, string]
  /** A frontend on an address of this test, at a free port unless one is given, which leads to `ab` unless it says otherwise. */
  frontend(wishes?: Partial<Frontend>): Promise<Frontend>
  /** The health of each target, asked at one port of them all. */
  startHealth(): Promise<Health>
}

/** Answers `/healthz` for each target as told. */
export interface Health {
  readonly port: number
  /** `silent` refuses connections. */
  set(target: 'a' | 'b' | 'c', state: 'good' | 'bad' | 'silent'): Promise<void>
  /** Requests so far. */
  asked(target: 'a' | 'b' | 'c'): number
}

const TEST_TAKES_AT_MOST_MS = 45_000
const NAMES = ['a', 'b', 'c'] as const
let count = 0

/** Runs a test in a world of its own, and takes that down whatever happens. */
export async function inEngineWorld(kind: EngineKind, test: EngineTest): Promise<void> {
  // Addresses that no other test has, whichever process it runs in.
  const net = `127.${64 + (process.pid % 128)}.${(count++ % 250) + 1}`
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(TEST_TAKES_AT_MOST_MS)])
  const ends: (() => Promise<unknown>)[] = []
  try {
    const targets = { a: at('a', `${net}.11`), b: at('b', `${net}.12`), c: at('c', `${net}.13`) }
    const targetPort = await freePort(...NAMES.map((name) => targets[name].address))
    for (const name of NAMES) {
      const backend: Backend = await startTcpBackend(name, { address: targets[name].address, port: targetPort })
      ends.push(() => backend.close())
    }
    const admin = { address: `${net}.1`, port: await freePort(`${net}.1`) }
    const own = await startTcpBackend('admin', { address: `${net}.14`, port: targetPort })
    ends.push(() => own.close())
    const harness = await kind.start({ from: admin, to: own })
    ends.push(() => harness.close())
    const { a, b, c } = targets
    const engine = await harness.engine()
    await test({
      kind,
      harness,
      engine,
      signal,
      admin,
      targetPort,
      targets,
      newestProxy: engine.capabilities.TCP?.proxyProtocol.at(-1) ?? 'off',
      groups: { a: [a], b: [b], c: [c], ab: [a, b], abc: [a, b, c], none: [] },
      clients: [`${net}.101`, `${net}.102`],
      frontend: async (wishes = {}) => {
        const address = wishes.address ?? `${net}.1`
        const port = wishes.port ?? (await freePort(address))
        return frontend({ group: 'ab', targetPort, ...wishes, address, port })
      },
      startHealth: async () => {
        const health = await startHealth(targets)
        ends.push(() => health.close())
        return health
      },
    })
  } finally {
    over.abort()
    for (const end of ends.toReversed()) await end()
  }
}

function at(name: string, address: string): Target {
  return { name, address }
}

async function startHealth(targets: EngineWorld['targets']): Promise<Health & { close(): Promise<void> }> {
  const port = await freePort(...NAMES.map((name) => targets[name].address))
  const good = new Map<string, boolean>()
  const counts = new Map<string, number>()
  const servers = new Map<string, Server>()
  const stop = async (name: string) => {
    const server = servers.get(name)
    servers.delete(name)
    server?.closeAllConnections()
    if (server !== undefined) await new Promise((resolve) => void server.close(resolve))
  }
  const open = async (name: (typeof NAMES)[number]) => {
    const server = createServer((request, response) => {
      counts.set(name, (counts.get(name) ?? 0) + 1)
      response.statusCode = request.url === '/healthz' && good.get(name) === true ? 200 : 503
      response.end()
    })
    servers.set(name, server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, targets[name].address, resolve)
    })
  }
  const health: Health & { close(): Promise<void> } = {
    port,
    asked: (name) => counts.get(name) ?? 0,
    set: async (name, state) => {
      good.set(name, state === 'good')
      if (state === 'silent') await stop(name)
      else if (!servers.has(name)) await open(name)
    },
    close: async () => void (await Promise.all(NAMES.map(stop))),
  }
  for (const name of NAMES) await health.set(name, 'good')
  return health
}

/** The id that the edge would give a frontend. */
export function idOf({ address, port, hosts }: Frontend): string {
  const words = ['prod.public.tcp', address.replaceAll(':', '_'), `${port}`, ...hosts]
  return words.join('.').replaceAll('*', 'any')
}

export function bind(one: Frontend, bindAddress = one.address): BoundFrontend {
  return { id: idOf(one), frontend: one, bindAddress }
}

/** A state of these frontends, bound to their own addresses, with those of the groups that they use. */
export function stateOf(groups: Groups, ...frontends: readonly Frontend[]): EngineState {
  const used = new Set(frontends.map(({ group }) => group))
  const entries = Object.entries(groups).filter(([id]) => used.has(id))
  return {
    frontends: frontends.map((one) => bind(one)).toSorted((a, b) => compareText(a.id, b.id)),
    groups: new Map(entries.map(([id, targets]) => [id, { id, targets }])),
  }
}

/** Waits until something holds: for what programs find out by themselves. */
export async function eventually(what: string, holds: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await holds())) {
    signal.throwIfAborted()
    if (Date.now() > deadline) throw new Error(`still not: ${what}`)
    await sleep(20)
  }
}
