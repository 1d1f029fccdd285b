import { isDeepStrictEqual } from 'node:util'
import { withoutDraining } from '../../model/draining.ts'
import { FairwayError } from '../../model/problems.ts'
import { PROTOCOLS, type Protocol } from '../../model/table.ts'
import { problemOf } from '../failures.ts'
import type { Engine, EngineApplied, EngineState } from './engine.ts'

/** From the least to the most that is done to a program. */
const WAYS = ['nothing', 'runtime', 'reload'] as const

interface Failure {
  readonly error: unknown
  /** Whether this state is to blame: the program takes the one before. */
  readonly isOfState: boolean
}

interface Part {
  readonly engine: Engine
  /** Resolves with what came of this protocol's part of a state. */
  readonly apply: (state: EngineState, signal: AbortSignal) => Promise<EngineApplied | Failure>
  /** Remembers what the edge goes by from now on. */
  readonly settle: (state: EngineState) => void
  /** All of its part of a state. */
  readonly refuse: (state: EngineState, error: unknown) => EngineApplied
}

/**
 * Joins two engines to one: each has the frontends of its protocol. Neither waits for the other. Where a program does not take a change, all of the
 * change fails, as with one program; where a program cannot be worked at all, its frontends are refused, and the other's are served and changed
 * as ever. Throws ConfigInvalid for a program that does not forward its protocol.
 */
export function createPair(engines: Readonly<Record<Protocol, Engine>>): Engine {
  const parts = PROTOCOLS.map((protocol) => createPart(engines[protocol], protocol))
  const both = PROTOCOLS.map((protocol) => engines[protocol])
  const texts = (read: (engine: Engine) => string, between: string) => both.map(read).join(between)
  return {
    name: texts(({ name }) => name, '+'),
    version: texts(({ version }) => version, ' + '),
    capabilities: { TCP: engines.TCP.capabilities.TCP, UDP: engines.UDP.capabilities.UDP },
    apply: (state, signal) => applyParts(parts, state, signal),
    listeners: (signal) => tellAll(both.map((engine) => engine.listeners(signal))),
    // What one of them has and does not tell must not pass for somebody else's.
    bound: async (signal) => (await Promise.all(both.map((engine) => engine.bound(signal)))).flat(),
    health: (signal) => tellAll(both.map((engine) => engine.health(signal))),
    close: async () => void (await Promise.all(both.map((engine) => engine.close()))),
  }
}

function createPart(engine: Engine, protocol: Protocol): Part {
  const abilities = engine.capabilities[protocol]
  if (abilities === undefined) {
    const message = `${engine.name} cannot be the engine for ${protocol}, which it does not forward`
    const remedy = `Give another program as \`engines.${protocol.toLowerCase()}\``
    throw new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy })
  }
  const partOf = (state: EngineState) => takePart(state, protocol, abilities.drain)
  /** Of the last state that did not fail as a whole. */
  let last: EngineState | undefined

  /** A program that is gone takes no state at all. */
  async function isToBlame(part: EngineState, signal: AbortSignal): Promise<boolean> {
    if (last === undefined || signal.aborted || isDeepStrictEqual(part, last)) return false
    return engine.apply(last, signal).then(
      () => true,
      () => false,
    )
  }

  return {
    engine,
    apply: async (state, signal) => {
      const part = partOf(state)
      try {
        return await engine.apply(part, signal)
      } catch (error) {
        return { error, isOfState: await isToBlame(part, signal) }
      }
    },
    settle: (state) => {
      last = partOf(state)
    },
    refuse: (state, error) => {
      const problem = problemOf(error, engine.name)
      return { refused: partOf(state).frontends.map(({ id }) => ({ id, problem })), how: 'nothing', trouble: problem }
    },
  }
}

function takePart({ frontends, groups }: EngineState, protocol: Protocol, drains: boolean): EngineState {
  const some = frontends.filter(({ frontend }) => frontend.protocol === protocol)
  const used = new Set(some.map(({ frontend }) => frontend.group))
  const entries = [...groups].filter(([id]) => used.has(id))
  return {
    frontends: some,
    groups: new Map(drains ? entries : entries.map(([id, group]) => [id, withoutDraining(group)])),
  }
}

async function applyParts(parts: readonly Part[], state: EngineState, signal: AbortSignal): Promise<EngineApplied> {
  const outcomes = await Promise.all(parts.map(async (part) => ({ part, result: await part.apply(state, signal) })))
  const failures = outcomes.flatMap(({ result }) => ('error' in result ? result : []))
  const blamed =
    failures.find(({ isOfState }) => isOfState) ?? (failures.length === parts.length ? failures[0] : undefined)
  if (blamed !== undefined) throw blamed.error
  for (const { settle } of parts) settle(state)
  const done = outcomes.map(({ part, result }) => ('error' in result ? part.refuse(state, result.error) : result))
  const trouble = done.find((one) => one.trouble !== undefined)?.trouble
  return {
    refused: done.flatMap(({ refused }) => refused),
    how: WAYS.findLast((way) => done.some(({ how }) => how === way)) ?? 'nothing',
    ...(trouble === undefined ? {} : { trouble }),
  }
}

/** What both tell, or the one that does. */
async function tellAll<T>(answers: readonly Promise<readonly T[]>[]): Promise<readonly T[]> {
  const told = await Promise.allSettled(answers)
  const good = told.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const [first] = told
  if (good.length === 0 && first?.status === 'rejected') throw first.reason
  return good.flat()
}
