import { setTimeout as sleep } from 'node:timers/promises'
import { errorText, type Problem } from '../model/problems.ts'
import type { Engine } from './engines/engine.ts'
import type { Log } from './log.ts'
import { type Fresh, findObstacles, isOn, type Machine } from './obstacles.ts'
import { type Socket, socketsOverlap, socketText } from './sockets.ts'

interface Parts {
  readonly engine: Engine
  readonly machine: Machine
  readonly log: Log
}

/** What keeps sockets from being bound. */
interface Blocked {
  readonly blocked: ReadonlyMap<string, Problem>
  /** Those of them that a test tells to be free once they are. */
  readonly busy: readonly Socket[]
}

export interface Free extends Blocked {
  /** What the program has, as far as it is known. */
  readonly ours: readonly Socket[]
}

/** After these pauses, one after the other, a program that opens its sockets tells of them as well; on a busy machine that takes a second or two. */
const STARTING_MS = [0, 300, 700, 1_500] as const
/** So many of them where it tells of some: it has started, and what it does not tell of is somebody else's. */
const ENOUGH = 2

/**
 * Finds which sockets can be bound. `bound`: what the program has, where that is known; undefined, after a restart of the edge or a change that went wrong, it
 * is asked.
 */
export async function findFree(
  parts: Parts,
  wanted: readonly Socket[],
  bound: readonly Socket[] | undefined,
  signal: AbortSignal,
): Promise<Free> {
  // What it had may be lost by now, as an address that left the machine, and would keep it from starting: all of it is tried again.
  const has = new Set((bound ?? []).map(socketText))
  const fresh = wanted.filter((socket) => !has.has(socketText(socket)))
  let told = bound ?? (await askBound(parts, signal))
  let found = await findBlocked(parts, tellApart(fresh, told), signal)
  // A program may keep what it was told to give up: Envoy does so for hours with UDP. And one that has just been started has opened its sockets before it
  // can tell of them, or while we looked.
  for (const [at, pauseMs] of STARTING_MS.entries()) {
    const looks = bound !== undefined ? 1 : told?.length === 0 ? STARTING_MS.length : ENOUGH
    if (found.busy.length === 0 || at >= looks) break
    await sleep(pauseMs, undefined, { signal })
    const now = await askBound(parts, signal)
    if (now === undefined || textOf(now) === textOf(told)) continue
    found = await findBlocked(parts, tellApart(fresh, now), signal)
    told = now
  }
  return { ours: bound ?? told ?? fresh, ...found }
}

function textOf(sockets: readonly Socket[] | undefined): string | undefined {
  return sockets?.map(socketText).toSorted().join()
}

/** `told`: what the program has, as it says; undefined: it may have any of them. */
function tellApart(fresh: readonly Socket[], told: readonly Socket[] | undefined): readonly Fresh[] {
  const texts = new Set(told?.map(socketText))
  return fresh.map((socket) => {
    const isOurs = texts.has(socketText(socket))
    const maybeOurs = told === undefined || isOurs || told.some((one) => socketsOverlap(one, socket))
    return { socket, isOurs, maybeOurs }
  })
}

/** Undefined: the program does not tell. */
async function askBound({ engine, log }: Parts, signal: AbortSignal): Promise<readonly Socket[] | undefined> {
  try {
    return await engine.bound(signal)
  } catch (error) {
    log.debug({}, `${engine.name} does not tell what it has bound: ${errorText(error)}`)
    return undefined
  }
}

async function findBlocked(
  { engine, machine, log }: Parts,
  fresh: readonly Fresh[],
  signal: AbortSignal,
): Promise<Blocked> {
  if (fresh.length === 0) return { blocked: new Map(), busy: [] }
  const listeners = await engine.listeners(signal).catch((error: unknown) => {
    log.debug({}, `${engine.name} does not tell its listeners: ${errorText(error)}`)
    return []
  })
  const blocked = await findObstacles(machine, { name: engine.name, listeners }, fresh)
  const sockets = fresh.flatMap(({ socket }) => (blocked.has(socketText(socket)) ? socket : []))
  return { blocked, busy: sockets.filter((socket) => !listeners.some((listener) => isOn(listener, socket))) }
}
