import type { OwnedTable } from '../../../src/edge/arbitrate.ts'
import { takeTurns } from '../../../src/edge/exclusive.ts'
import type { Log } from '../../../src/edge/log.ts'
import type { Machine } from '../../../src/edge/obstacles.ts'
import { ownerName } from '../../../src/edge/owners.ts'
import { type Done, Referee } from '../../../src/edge/referee.ts'
import type { Refused } from '../../../src/edge/refusal.ts'
import type { Rules } from '../../../src/edge/rules.ts'
import { createServing } from '../../../src/edge/serve.ts'
import { type Socket, socketText } from '../../../src/edge/sockets.ts'
import { createStore } from '../../../src/edge/store.ts'
import type { Write } from '../../../src/edge/writes.ts'
import type { Table } from '../../../src/model/table.ts'
import { createMemoryEngine, type MemoryEngine } from '../../support/memory-engine.ts'
import { silentLog } from '../../support/operator-world.ts'
import { owner, rules, UID } from './builders.ts'
import { type CrashDisk, createCrashDisk } from './crash-disk.ts'

/** A machine in memory: which sockets are taken, by whom, and which addresses it lacks. */
export interface FakeMachine extends Machine {
  /** `tcp/203.0.113.10:443` → the program that has it. */
  readonly taken: Map<string, string>
  /** Errors of binding, by socket. */
  readonly errors: Map<string, string>
  /** What was tested. */
  readonly tested: string[]
}

export function createFakeMachine(): FakeMachine {
  const machine: FakeMachine = {
    taken: new Map(),
    errors: new Map(),
    tested: [],
    testBind: async (socket) => {
      const text = socketText(socket)
      machine.tested.push(text)
      return machine.errors.get(text) ?? (machine.taken.has(text) ? 'EADDRINUSE' : undefined)
    },
    openSockets: async () =>
      [...machine.taken.keys()].map((text) => ({ ...readSocket(text), uid: 33, inode: `inode of ${text}` })),
    programs: async (inodes) => {
      const known = [...machine.taken].filter(([text, name]) => inodes.has(`inode of ${text}`) && name !== '')
      return new Map(known.map(([text, name], index) => [`inode of ${text}`, { pid: 100 + index, name }]))
    },
  }
  return machine
}

function readSocket(text: string): Socket {
  const [, protocol, address = '', port] = /^(tcp|udp)\/(.*):(\d+)$/.exec(text) ?? []
  return { protocol: protocol === 'udp' ? 'UDP' : 'TCP', address, port: Number(port) }
}

export interface WorldWishes {
  readonly disk?: CrashDisk
  readonly memory?: MemoryEngine
  readonly machine?: FakeMachine
  readonly fixed?: readonly OwnedTable[]
  readonly rules?: Partial<Rules>
  readonly now?: () => number
  readonly log?: Log
  readonly applyMs?: number
  readonly lookMs?: number
  readonly retryMs?: number
}

export interface EdgeWorld {
  readonly disk: CrashDisk
  readonly memory: MemoryEngine
  readonly machine: FakeMachine
  readonly referee: Referee
  /** How each pass ended. */
  readonly passes: string[]
  /** Ids that the program serves. */
  readonly served: () => readonly string[]
  readonly put: (
    name: string,
    table: Table,
    wishes?: Partial<{ expected: number; uid: string; epoch: number }>,
  ) => Promise<Outcome>
}

export type Outcome = Done | { readonly refused: Refused }

/** The edge without its API: on a disk, a program and a machine in memory. It is not started. */
export async function createEdgeWorld(wishes: WorldWishes = {}): Promise<EdgeWorld> {
  const disk = wishes.disk ?? createCrashDisk()
  const memory = wishes.memory ?? createMemoryEngine()
  const machine = wishes.machine ?? createFakeMachine()
  const log = wishes.log ?? silentLog
  const now = wishes.now ?? (() => Date.UTC(2026, 7, 1))
  const engine = takeTurns(memory.engine)
  const store = createStore(disk.files, log, now)
  const passes: string[] = []
  const referee = new Referee({
    engineName: engine.name,
    store,
    kept: await store.load(),
    serving: createServing({ engine, machine, addresses: undefined, applyMs: wishes.applyMs ?? 1_000, log }),
    fixed: wishes.fixed ?? [],
    rules: () => rules(wishes.rules),
    timing: { resyncMs: 60_000, retryMs: wishes.retryMs ?? 60_000, lookMs: wishes.lookMs ?? 60_000 },
    now,
    onPass: (how) => passes.push(how),
    log,
  })
  return {
    disk,
    memory,
    machine,
    referee,
    passes,
    served: () => memory.state.frontends.map(({ id }) => id),
    put: (name, table, { expected, uid = UID, epoch = 1 } = {}) => {
      const write: Write = { kind: 'put', uid, epoch, table }
      const known = expected ?? referee.tables.get(ownerName(owner(name)))?.generation ?? 0
      return referee.submit(owner(name), known, write, AbortSignal.timeout(10_000))
    },
  }
}

const started: EdgeWorld[] = []

/** A world whose first pass is over. */
export async function startWorld(wishes: WorldWishes = {}): Promise<EdgeWorld> {
  const world = await createEdgeWorld(wishes)
  started.push(world)
  await world.referee.start()
  return world
}

/** For afterEach. */
export async function stopWorlds(): Promise<void> {
  for (const { referee } of started.splice(0)) await referee.stop()
}

/** What became of a write: a generation with what is refused, or the code of the refusal. */
export function tell(outcome: Outcome): string {
  if ('refused' in outcome) return outcome.refused.code
  if (outcome.view === undefined) return 'removed'
  const { stored, refused } = outcome.view
  return [stored.generation, ...refused.map(({ key, problem }) => `${key} ${problem.code}`)].join(' ')
}
