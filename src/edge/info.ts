import { hostPort } from '../model/address.ts'
import type { Listener } from '../model/driver.ts'
import { sayCapabilities } from '../model/edge-capabilities.ts'
import type { EdgeInfoAnswer, HealthAnswer } from '../model/edge-wire.ts'
import type { Origin } from './arbitrate.ts'
import type { Engine, TargetHealth } from './engines/engine.ts'
import { problemOf } from './failures.ts'
import type { Machine } from './obstacles.ts'
import type { OwnerName } from './owners.ts'
import { RequestError, refuse } from './refusal.ts'
import { remember } from './remember.ts'
import { type Socket, socketText } from './sockets.ts'

/** Looking through /proc costs some milliseconds for each thousand open files. */
const KEEP_MS = { listeners: 5_000, health: 1_000 }
/**
 * Operators read before each write, and none of them waits for a look at thousands of files: what listens beside the tables is for people, who are told
 * what was there a minute ago at most. Whether a socket can be had is found out by binding it.
 */
const STALE_LISTENERS = { forMs: 60_000, behindMs: 2_000 }
/** The program answers at once, but it may be in the middle of a change. */
const LIMIT_MS = 15_000

export interface InfoParts {
  readonly engine: Engine
  readonly machine: Machine
  /** What the program has, or may have, for anybody. */
  readonly sockets: () => readonly Socket[]
  readonly origins: () => ReadonlyMap<string, Origin>
  /** Ranges that frontends may use. */
  readonly addresses: () => readonly string[]
  readonly version: string
}

export interface Info {
  info(): Promise<EdgeInfoAnswer>
  health(owner: OwnerName): Promise<HealthAnswer>
}

/** What clusters may know of the machine, and of their own targets. */
export function createInfo(parts: InfoParts): Info {
  const { engine, version, addresses, origins } = parts
  const listeners = remember(() => findListeners(parts), KEEP_MS.listeners, STALE_LISTENERS)
  const health = remember(() => askHealth(engine), KEEP_MS.health)
  return {
    info: async () => ({
      version,
      engine: { name: engine.name, version: engine.version },
      capabilities: sayCapabilities(engine.capabilities),
      addresses: [...addresses()],
      listeners: [...(await listeners())],
    }),
    health: async (owner) => {
      const targets = (await health()).flatMap(({ id, ...target }) => {
        const origin = origins().get(id)
        return origin?.owner === owner ? [{ key: origin.key, ...target }] : []
      })
      return { targets }
    },
  }
}

async function askHealth(engine: Engine): Promise<readonly TargetHealth[]> {
  try {
    return await engine.health(AbortSignal.timeout(LIMIT_MS))
  } catch (error) {
    const { message, remedy } = problemOf(error, engine.name)
    throw new RequestError(refuse('EngineFailed', message, remedy), error)
  }
}

/** All that listens on the machine but for the tables of clusters, of whatever owner. */
async function findListeners({ engine, machine, sockets }: InfoParts): Promise<readonly Listener[]> {
  const configured = await engine.listeners(AbortSignal.timeout(LIMIT_MS)).catch(() => [])
  const open = await machine.openSockets()
  const programs = await machine.programs(new Set(open.map(({ inode }) => inode)))
  const hidden = new Set([...sockets(), ...configured.flatMap(socketsOf)].map(socketText))
  const names = new Set<string | undefined>(engine.name.split('+'))
  const found = new Map<string, Listener>()
  for (const socket of open) {
    const program = programs.get(socket.inode)
    // What else the program has open belongs to a change that is being made.
    if (hidden.has(socketText(socket)) || names.has(program?.name)) continue
    found.set(socketText(socket), listenerOf(socket, program?.name ?? `a process of user ID ${socket.uid}`))
  }
  return [...configured, ...found.values()].toSorted(byPlace)
}

function listenerOf({ protocol, address, port }: Socket, holder: string): Listener {
  return { protocol, address, firstPort: port, lastPort: port, holder }
}

function socketsOf({ protocol, address, firstPort, lastPort }: Listener): readonly Socket[] {
  return protocol === undefined || firstPort !== lastPort ? [] : [{ protocol, address, port: firstPort }]
}

function byPlace(a: Listener, b: Listener): number {
  return a.firstPort - b.firstPort || hostPort(a.address, 0).localeCompare(hostPort(b.address, 0), 'en')
}
