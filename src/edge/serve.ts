import { errorText, type Problem } from '../model/problems.ts'
import type { Arbitration, Origin } from './arbitrate.ts'
import type { BoundFrontend, Engine, EngineApplied, EngineState } from './engines/engine.ts'
import { tellableTo } from './failures.ts'
import { findFree } from './free-sockets.ts'
import type { AddressKeeper } from './interface-addresses.ts'
import type { Log } from './log.ts'
import { createLookout } from './lookout.ts'
import type { Machine } from './obstacles.ts'
import { type LateProblem, mergeRemarks, type Remarks } from './remarks.ts'
import { isWildcard, type Socket, socketText } from './sockets.ts'

export interface ServeParts {
  readonly engine: Engine
  readonly machine: Machine
  /** Undefined: the administrator sees to the machine's addresses. */
  readonly addresses: AddressKeeper | undefined
  /** How long the program may take for one change. */
  readonly applyMs: number
  readonly log: Log
}

/** What came of an arbitration on the machine. */
export interface Served {
  readonly refused: Remarks
  readonly notices: Remarks
  /** By id of the BoundFrontend: all that the program was asked for. */
  readonly origins: ReadonlyMap<string, Origin>
  /** All that were asked for, also those that could not be had. */
  readonly sockets: readonly Socket[]
  readonly how: EngineApplied['how']
  /** Why a part of it is refused as a whole: to be tried again soon. */
  readonly trouble: Problem | undefined
}

export interface Serving {
  /** Brings the machine to a state. Rejects when the program serves what it served before. */
  serve(arbitration: Arbitration): Promise<Served>
  /** All that the program may have bound for anybody. */
  sockets(): readonly Socket[]
  /** Whether a socket that something else had may be free by now. */
  hasFreed(): Promise<boolean>
  /** Takes addresses away that nothing is bound to any more: not before it is certain that they are not needed again. */
  tidy(sockets: readonly Socket[]): Promise<void>
}

/** Works the program and what it needs of the machine. Remembers which sockets the program has. */
export function createServing(parts: ServeParts): Serving {
  /** Of the last state that was applied; undefined: nobody but the program knows, after a restart of the edge or a change that went wrong. */
  let bound: readonly Socket[] | undefined
  /** All that the program may have, meanwhile. */
  let doubtful: readonly Socket[] = []
  const lookout = createLookout(parts.machine)

  async function serve({ state, refused, notices, origins }: Arbitration): Promise<Served> {
    const limit = AbortSignal.timeout(parts.applyMs)
    const wanted = socketsOf(state.frontends)
    await addAddresses(parts, wanted)
    const { ours, blocked, busy } = await findFree(parts, wanted, bound, limit)
    const rest = withoutBlocked(state, blocked)
    limit.throwIfAborted()
    doubtful = [...ours, ...socketsOf(rest.frontends)]
    bound = undefined
    const applied = await parts.engine.apply(rest, limit)
    const failed = new Map(applied.refused.map(({ id, problem }) => [id, problem]))
    if (applied.trouble === undefined) {
      bound = socketsOf(rest.frontends.filter(({ id }) => !failed.has(id)))
      doubtful = []
    }
    lookout.watch(busy)
    const problemOf = (one: BoundFrontend) => blocked.get(socketText(socketOf(one))) ?? failed.get(one.id)
    const more = mergeRemarks(refused, notices, findLate(state, origins, problemOf))
    return { ...more, origins, sockets: wanted, how: applied.how, trouble: applied.trouble }
  }

  return {
    serve: (arbitration) => lookout.during(() => serve(arbitration)),
    sockets: () => bound ?? doubtful,
    hasFreed: () => lookout.hasFreed(),
    tidy: async (sockets) => parts.addresses?.trim(addressesOf(sockets)),
  }
}

/** What was found out on the machine, as each owner may know it. */
function findLate(
  { frontends }: EngineState,
  origins: Arbitration['origins'],
  problemOf: (one: BoundFrontend) => Problem | undefined,
): readonly LateProblem[] {
  const owners = new Set([...origins.values()].map(({ owner }) => owner))
  return frontends.flatMap((one) => {
    const [problem, origin] = [problemOf(one), origins.get(one.id)]
    if (problem === undefined || origin === undefined) return []
    return [{ ...origin, problem: tellableTo(origin.owner, problem, owners) }]
  })
}

/** Where this fails, binding does, and says so for each frontend. */
async function addAddresses({ addresses, log }: ServeParts, sockets: readonly Socket[]): Promise<void> {
  try {
    await addresses?.add(addressesOf(sockets))
  } catch (error) {
    log.error({}, `no addresses are added: ${errorText(error)}`)
  }
}

function withoutBlocked(state: EngineState, blocked: ReadonlyMap<string, Problem>): EngineState {
  if (blocked.size === 0) return state
  const frontends = state.frontends.filter((one) => !blocked.has(socketText(socketOf(one))))
  const used = new Set(frontends.map(({ frontend }) => frontend.group))
  return { frontends, groups: new Map([...state.groups].filter(([id]) => used.has(id))) }
}

function socketOf({ frontend: { protocol, port }, bindAddress }: BoundFrontend): Socket {
  return { protocol, port, address: bindAddress }
}

/** Each socket once, however many frontends share it. */
function socketsOf(frontends: readonly BoundFrontend[]): readonly Socket[] {
  return [...new Map(frontends.map((one) => [socketText(socketOf(one)), socketOf(one)])).values()]
}

function addressesOf(sockets: readonly Socket[]): ReadonlySet<string> {
  return new Set(sockets.flatMap(({ address }) => (isWildcard(address) ? [] : [address])))
}
