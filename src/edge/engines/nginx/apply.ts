import { FairwayError, type Problem } from '../../../model/problems.ts'
import { socketText } from '../../sockets.ts'
import { acceptFrontends } from '../common/accept.ts'
import { rejectedConfig } from '../common/rejections.ts'
import { shorten } from '../common/sentences.ts'
import { orUnreachable } from '../common/unreachable.ts'
import type { BoundFrontend, EngineApplied, EngineRefusal, EngineState } from '../engine.ts'
import { findLoaded } from './bound.ts'
import { readBound } from './listeners.ts'
import { rehearse } from './rehearsal.ts'
import { type Rendered, renderConfig } from './render.ts'
import { type Running, readRunning } from './running.ts'
import { swapIn } from './swap.ts'
import type { Tools } from './tools.ts'
import { type Reading, readEmergencies, readVerdicts } from './verdicts.ts'

/** Each time nginx finds new faults, their frontends are left out. More often than this it is not the frontends' fault. */
const MOST_ROUNDS = 10

export interface Outcome extends EngineApplied {
  /** What is served. */
  readonly served: EngineState
}

/**
 * Brings nginx to a state: by nothing, or by a reload. The file is in its place before nginx is told, so that one that starts in between serves the new
 * state. A socket that cannot be bound is refused alone: nginx says which, and goes on with what it had.
 */
export async function applyState(tools: Tools, state: EngineState, signal: AbortSignal): Promise<Outcome> {
  const { program, failedStarts } = tools
  const accepted = acceptFrontends(state, program)
  const running = await findRunning(tools, signal)
  const refused: EngineRefusal[] = [...accepted.refused]
  let { frontends } = accepted
  const leaveOut = (found: readonly EngineRefusal[]) => {
    const ids = new Set(found.map(({ id }) => id))
    refused.push(...found)
    frontends = frontends.filter(({ id }) => !ids.has(id))
  }
  leaveOut(frontends.flatMap((one) => refusalOf(one, failedStarts.find(one.id)) ?? []))
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const served = { frontends, groups: state.groups }
    const rendered = renderConfig(served, tools.options)
    if (rendered.refused.length > 0) leaveOut(rendered.refused)
    else {
      if (await isServed(tools, rendered, running)) return { refused, how: 'nothing', served }
      const found = await install(tools, rendered, { frontends, running }, signal)
      if (found.length === 0) {
        if (refused.length === 0) failedStarts.clear()
        return { refused, how: 'reload', served }
      }
      leaveOut(found)
    }
  }
  throw new FairwayError(rejectedConfig('nginx', 'it finds new faults whatever is left out'))
}

function refusalOf({ id }: BoundFrontend, problem: Problem | undefined): EngineRefusal | undefined {
  return problem === undefined ? undefined : { id, problem }
}

/** What runs, or why that is not known. */
async function findRunning({ options }: Tools, signal: AbortSignal): Promise<Running | FairwayError> {
  const running = await orUnreachable(readRunning(options.socketDir, signal))
  return running ?? new FairwayError(notRunning(options.configFile))
}

async function isServed(
  { config }: Tools,
  { text, shape }: Rendered,
  running: Running | FairwayError,
): Promise<boolean> {
  return !(running instanceof FairwayError) && running.shape === shape && (await config.read()) === text
}

interface Ground {
  readonly frontends: readonly BoundFrontend[]
  readonly running: Running | FairwayError
}

/** Has nginx test a file and load it; resolves with the frontends that keep it from that. Throws where none does. */
async function install(
  tools: Tools,
  rendered: Rendered,
  { frontends, running }: Ground,
  signal: AbortSignal,
): Promise<readonly EngineRefusal[]> {
  const { config, options, failedStarts } = tools
  const known = running instanceof FairwayError ? undefined : await findLoaded(tools, running)
  const has = new Set(readBound(known ?? '').map(socketText))
  const reading = { parts: rendered.parts, frontends, has, file: options.configFile }
  await config.stage(rendered.text)
  const { ok, output } = await rehearse(tools, signal)
  if (!ok) {
    await config.discard()
    return judge(readEmergencies(output), output, reading)
  }
  signal.throwIfAborted()
  if (running instanceof FairwayError) {
    // For nginx's next start.
    await config.commit()
    throw running
  }
  const messages = await swapIn(tools, rendered, running, signal)
  if (messages.length === 0) return []
  const refusals = judge(messages, '', reading)
  for (const { id, problem } of refusals) failedStarts.add(id, problem)
  return refusals
}

/** The frontends that messages are about. Throws where they are about none; `output` is what there is to say if there is no message. */
function judge(messages: readonly string[], output: string, reading: Reading): readonly EngineRefusal[] {
  const refusals = readVerdicts(messages, reading)
  if (refusals.length > 0) return refusals
  throw new FairwayError(rejectedConfig('nginx', shorten(messages[0] ?? output.trim().slice(-300))))
}

function notRunning(configFile: string): Problem {
  return {
    code: 'ProxyUnreachable',
    kind: 'transient',
    message: `the proxy program behind the edge does not run: no nginx that has loaded ${configFile} answers`,
    remedy: 'Look at the unit of nginx, and that its configuration includes that file; then start or reload it',
  }
}
