import { FairwayError } from '../../../model/problems.ts'
import { acceptFrontends } from '../common/accept.ts'
import { writeDurably } from '../common/durable-file.ts'
import { rejectedConfig, rejectedFrontend } from '../common/rejections.ts'
import type { EngineApplied, EngineRefusal, EngineState } from '../engine.ts'
import { HAPROXY } from './capabilities.ts'
import { planCommands } from './commands.ts'
import { type Drawing, drawConfig } from './drawing.ts'
import { checkFiles } from './program.ts'
import type { Rendered } from './render.ts'
import { findRunning, type Running, readRunning } from './running.ts'
import { shapeOf, swapIn } from './swap.ts'
import type { Tools } from './tools.ts'
import { type Fault, readVerdicts } from './verdicts.ts'

/** Each time HAProxy finds new faults, their frontends are left out. More often than this it is not the frontends' fault. */
const MOST_ROUNDS = 5

const NOTHING: Running['backends'] = new Map()

export interface Outcome extends EngineApplied {
  readonly drawing: Drawing
}

/**
 * Brings HAProxy to a state with as little as is needed: nothing, commands to the running worker, or a reload. The file is right before HAProxy is
 * told, so that one that starts in between serves the new state.
 */
export async function applyState(tools: Tools, state: EngineState, signal: AbortSignal): Promise<Outcome> {
  const accepted = acceptFrontends(state, HAPROXY)
  const running = await findRunning(tools, signal)
  const refused: EngineRefusal[] = [...accepted.refused]
  let { frontends } = accepted
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const backends = running instanceof FairwayError ? NOTHING : running.backends
    const drawing = drawConfig(frontends, state.groups, backends, tools.options)
    const how = running instanceof FairwayError ? undefined : await settle(tools, drawing, running, signal)
    if (how !== undefined) return { refused, how, drawing }
    await tools.config.stage(drawing.rendered.text)
    const faults = await findFaults(tools, drawing, signal)
    if (faults.length === 0) {
      await install(tools, drawing, running, signal)
      return { refused, how: 'reload', drawing }
    }
    const found = new Map(faults.flatMap(({ owners, sentence }) => owners.map((id) => [id, sentence] as const)))
    refused.push(...[...found].map(([id, sentence]) => ({ id, problem: rejectedFrontend('HAProxy', id, sentence) })))
    frontends = frontends.filter(({ id }) => !found.has(id))
  }
  throw new FairwayError(rejectedConfig('HAProxy', 'it finds new faults whatever is left out'))
}

/** Does what needs no reload; undefined where one is needed. */
async function settle(
  { master, config, options }: Tools,
  { servers, sticky, rendered }: Drawing,
  running: Running,
  signal: AbortSignal,
): Promise<'nothing' | 'runtime' | undefined> {
  const commands = running.shape === rendered.shape ? planCommands(servers, running.backends, sticky) : undefined
  if (commands === undefined) return undefined
  const found = await config.read()
  // HAProxy may have loaded what somebody has edited, and what it runs does not tell that.
  if (found !== undefined && isEdited(found, rendered)) return undefined
  const same = found === rendered.text
  if (!same) await writeDurably(config, rendered.text)
  if (commands.length === 0) return same ? 'nothing' : 'runtime'
  const answers = await master.command(commands, signal)
  const after = await readRunning(master, signal)
  const left = after?.shape === rendered.shape ? planCommands(servers, after.backends, sticky) : commands
  if (left?.length === 0) return 'runtime'
  options.log.warn(
    { answers: answers.slice(0, 1_000), command: left?.[0] },
    'commands to HAProxy had no effect; reloading it',
  )
  return undefined
}

/** Whether somebody has changed more of a file of ours than what is asked of a running HAProxy: files of one shape differ in their servers only. */
function isEdited(found: string, { shape, text }: Rendered): boolean {
  return found !== text && shapeOf(found) === shape && lasting(found) !== lasting(text)
}

/** A file without comments and empty lines, and without what runtime commands change of its servers. */
function lasting(text: string): string {
  return text
    .replaceAll(/^\s*(?:#.*)?\n/gm, '')
    .replaceAll(/^( {2}server s\d+) \S+(?: weight \d+)?(?: disabled)?/gm, '$1')
}

/** What HAProxy has against a file, of frontends that can be left out. Throws for anything else. */
async function findFaults(
  { binary, config, options }: Tools,
  { rendered }: Drawing,
  signal: AbortSignal,
): Promise<readonly Fault[]> {
  const { ok, output } = await checkFiles(binary, [...options.adminFiles, config.stagedPath], signal)
  if (ok) return []
  await config.discard()
  const verdicts = readVerdicts(output, config.stagedPath, rendered.sections)
  const faults = verdicts.filter(({ owners }) => owners.length > 0)
  if (faults.length > 0) return faults
  throw new FairwayError(rejectedConfig('HAProxy', verdicts[0]?.sentence ?? output.trim().slice(-300)))
}

/** Where nothing is known to run, the file is put in place for HAProxy's next start. */
async function install(
  tools: Tools,
  drawing: Drawing,
  running: Running | FairwayError,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  if (!(running instanceof FairwayError)) return swapIn(tools, drawing, running, signal)
  await tools.config.commit()
  throw running
}
