import { errorText, FairwayError, type Problem } from '../../../model/problems.ts'
import { absentProblem, takenProblem } from '../../socket-problems.ts'
import type { Socket } from '../../sockets.ts'
import { acceptFrontends } from '../common/accept.ts'
import { orUnreachable } from '../common/unreachable.ts'
import type { BoundFrontend, EngineApplied, EngineRefusal, EngineState } from '../engine.ts'
import { bring, bringBack, isSame, type Result } from './bring.ts'
import { ENVOY } from './capabilities.ts'
import { waitUntilClosed } from './closing.ts'
import { type Drawing, drawConfig } from './drawing.ts'
import { readFaults } from './faults.ts'
import type { State } from './folder.ts'
import { readLive, type Versions } from './progress.ts'
import type { Tools } from './tools.ts'

/** Each time Envoy finds new faults, their frontends are left out. More often than this it is not the frontends' fault. */
const MOST_ROUNDS = 5
const GOES_BACK_WITHIN_MS = 30_000

export interface Outcome extends EngineApplied {
  readonly drawing: Drawing
}

/** Brings Envoy to a state. Listeners that it does not take, as when it cannot bind them, are left out; the others are served. */
export async function applyState(tools: Tools, state: EngineState, signal: AbortSignal): Promise<Outcome> {
  const accepted = acceptFrontends(state, ENVOY)
  const running = await orUnreachable(readLive(tools.admin, signal))
  const before = await tools.folder.read()
  const refused = [...accepted.refused]
  let rest: Drawn = { drawing: drawConfig(accepted.frontends, state.groups), frontends: accepted.frontends }
  const leaveOut = (problems: ReadonlyMap<string, Problem>) => {
    refused.push(...refusalsOf(rest.drawing, problems))
    rest = withoutListeners(rest, state.groups, problems)
  }
  leaveOut(findResting(tools, rest.drawing))
  if (running instanceof FairwayError) {
    if (before === undefined || !isSame(before, rest.drawing)) await tools.folder.put(rest.drawing)
    throw running
  }
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const result = await bring(tools, round === 0 ? before : undefined, rest.drawing, signal)
    if (result === 'taken') {
      await waitUntilClosed(before, rest.drawing, signal)
      await tools.folder.tidy()
      return { refused, how: howOf(running, rest.drawing), drawing: rest.drawing }
    }
    const faults = result === 'listeners' ? await findFaults(tools, rest.drawing, signal) : new Map<string, Problem>()
    if (faults.size === 0) return goBack(tools, before, result)
    leaveOut(faults)
  }
  return goBack(tools, before, 'listeners')
}

interface Drawn {
  readonly drawing: Drawing
  readonly frontends: readonly BoundFrontend[]
}

/** Listeners that Envoy did not take lately. */
function findResting({ failedStarts }: Tools, { listeners }: Drawing): ReadonlyMap<string, Problem> {
  const found = [...listeners.byName].map(([name, text]) => [name, failedStarts.find(text)] as const)
  return new Map(found.flatMap(([name, problem]) => (problem === undefined ? [] : [[name, problem] as const])))
}

/** Listeners that Envoy has not taken now, and why. */
async function findFaults(
  { admin, failedStarts }: Tools,
  { listeners, blueprint }: Drawing,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Problem>> {
  const faults = new Map<string, Problem>()
  const sockets = new Map(blueprint.sockets.map((one) => [one.name, one]))
  for (const [name, sentence] of await readFaults(admin, signal)) {
    const text = listeners.byName.get(name)
    if (text === undefined) continue
    const problem = problemOf(name, sentence, sockets.get(name))
    failedStarts.add(text, problem)
    faults.set(name, problem)
  }
  return faults
}

function refusalsOf({ blueprint }: Drawing, problems: ReadonlyMap<string, Problem>): readonly EngineRefusal[] {
  return blueprint.sockets.flatMap(({ name, routes }) => {
    const problem = problems.get(name)
    return problem === undefined ? [] : routes.map(({ id }) => ({ id, problem }))
  })
}

function withoutListeners(
  { drawing, frontends }: Drawn,
  groups: EngineState['groups'],
  problems: ReadonlyMap<string, Problem>,
): Drawn {
  if (problems.size === 0) return { drawing, frontends }
  const out = new Set(refusalsOf(drawing, problems).map(({ id }) => id))
  const rest = frontends.filter(({ id }) => !out.has(id))
  return { drawing: drawConfig(rest, groups), frontends: rest }
}

/** Targets are told by clusters alone. */
function howOf(before: Versions, { clusters, listeners }: Drawing): EngineApplied['how'] {
  if (before.listeners !== listeners.version) return 'reload'
  return before.clusters === clusters.version ? 'nothing' : 'runtime'
}

/** Not ended by the caller's signal: what was begun must not be left half done. */
async function goBack(tools: Tools, before: State | undefined, what: Result): Promise<never> {
  const problem = rejected(`Envoy rejects its ${what}`)
  tools.options.log.warn({ path: tools.options.configDir }, `going back to the state before: ${problem.message}`)
  try {
    if (before !== undefined) await bringBack(tools, before, AbortSignal.timeout(GOES_BACK_WITHIN_MS))
  } catch (error) {
    tools.options.log.error({}, `Envoy does not go back to the state before: ${errorText(error)}`)
  }
  throw new FairwayError(problem)
}

/** Of a listener; what fails to be bound is told by strerror(3). */
function problemOf(name: string, sentence: string, socket: Socket | undefined): Problem {
  if (socket !== undefined && sentence.endsWith('Address already in use'))
    return takenProblem(socket, 'another process')
  if (socket !== undefined && sentence.endsWith('Cannot assign requested address')) return absentProblem(socket)
  return rejected(`Envoy does not take ${name}: ${sentence}`)
}

function rejected(message: string): Problem {
  return { code: 'ProxyRejected', kind: 'transient', message, remedy: 'Look into the log of Envoy for what it says' }
}
