import { setTimeout as sleep } from 'node:timers/promises'
import { errorText, FairwayError, type Problem } from '../../../model/problems.ts'
import { writeDurably } from '../common/durable-file.ts'
import { keepVerdicts } from './commands.ts'
import type { Drawing } from './drawing.ts'
import { SHAPE_BACKEND } from './render.ts'
import { type Running, readRunning } from './running.ts'
import type { Tools } from './tools.ts'

/** A reload of 5,000 frontends takes a second. One that fails takes two: HAProxy tries to bind for so long. */
const RELOAD_TAKES_AT_MOST_MS = 30_000
const LOOK_EVERY_MS = 20
/** A master that answers, and has not begun to reload by now, has not got the command: another reload was in its way. */
const LOST_AFTER_MS = 1_000

/**
 * Puts the staged file, which HAProxy finds valid, in place and has HAProxy load it. If the new configuration does not come up, the one that ran
 * before is put back, loaded and looked for, and this throws.
 */
export async function swapIn(
  tools: Tools,
  { servers, rendered: { shape, text } }: Drawing,
  running: Running,
  signal: AbortSignal,
): Promise<void> {
  const { config, lastGood, options, failedStarts } = tools
  const known = failedStarts.find(shape)
  if (known !== undefined) throw new FairwayError(known)
  await tools.reloadPace(signal)
  const before = await config.read()
  await config.commit()
  const failure = await reload(tools, shape, running, signal)
  if (failure === undefined) {
    failedStarts.clear()
    await tellVerdicts(tools, servers, running, signal)
    await writeDurably(lastGood, text)
    return
  }
  failedStarts.add(shape, failure)
  options.log.warn({ path: config.path }, `going back to the configuration before: ${failure.message}`)
  // A file that an edge put there just before it ended, or that somebody edited, may never have run: it is put back, and not loaded.
  const ran = (one: string | undefined) => one !== undefined && shapeOf(one) === running.shape
  // A folder that cannot be read must not keep the file that ran from being put back.
  const good = ran(before) ? before : [await lastGood.read().catch(() => undefined)].find(ran)
  if (good !== undefined) await goBack(tools, good)
  else if (before !== undefined) await writeDurably(config, before)
  throw new FairwayError(failure)
}

/** Its own checks find out as well, if this fails. */
async function tellVerdicts(
  { master, options }: Tools,
  servers: Drawing['servers'],
  before: Running,
  signal: AbortSignal,
) {
  const downs = keepVerdicts(servers, before.backends)
  options.log.info({ old: before.old + 1, down: downs.length }, 'reloaded HAProxy')
  await master.command(downs, signal).catch((error: unknown) => {
    options.log.warn({}, `the new worker does not know which targets are down: ${errorText(error)}`)
  })
}

/** Not ended by the caller's signal: what was begun must not be left half done. */
async function goBack(tools: Tools, good: string): Promise<void> {
  const { config, master, options } = tools
  const signal = AbortSignal.timeout(RELOAD_TAKES_AT_MOST_MS)
  await writeDurably(config, good)
  try {
    const running = await readRunning(master, signal)
    const failure = running === undefined ? undefined : await reload(tools, shapeOf(good), running, signal)
    if (failure !== undefined) throw new FairwayError(failure)
  } catch (error) {
    options.log.error({ path: config.path }, `the configuration before does not come up: ${errorText(error)}`)
  }
}

/** The shape that a file of ours bears. */
export function shapeOf(text: string): string | undefined {
  return text.split(`\nbackend ${SHAPE_BACKEND} `)[1]?.match(/^ {2}server ([0-9a-f]+) /m)?.[1]
}

/** Reloads, and waits until a new worker tells that shape. Resolves with what went wrong. */
async function reload(
  { master, options }: Tools,
  shape: string | undefined,
  before: Running,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  const deadline = performance.now() + RELOAD_TAKES_AT_MOST_MS
  let sentAt = performance.now()
  let answer = await master.reload(signal)
  for (;;) {
    signal.throwIfAborted()
    const now = await readRunning(master, signal).catch(() => undefined)
    if (now !== undefined && now.worker !== before.worker && !now.failed) {
      return now.shape === shape ? undefined : notLoaded(options.configFile)
    }
    const failed = now !== undefined && now.failed && now.reloads !== before.reloads
    if (failed || performance.now() > deadline) return notStarted(answer)
    if (isSame(now, before) && performance.now() > sentAt + LOST_AFTER_MS) {
      sentAt = performance.now()
      answer = await master.reload(signal)
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
}

/** Whether no reload has begun since. */
function isSame(now: Running | undefined, before: Running): boolean {
  return now !== undefined && now.worker === before.worker && now.reloads === before.reloads
}

function notLoaded(configFile: string): Problem {
  return {
    code: 'WriteNotConfirmed',
    kind: 'terminal',
    message: `HAProxy was reloaded, but does not run what is in ${configFile}`,
    remedy: `Have its unit start it with \`-f ${configFile}\` behind the files of its administrator`,
  }
}

function notStarted(answer: string): Problem {
  const words = /\[ALERT\][^:]*: (?<text>.*)/.exec(answer)?.groups?.['text']
  return {
    code: 'ProxyRejected',
    kind: 'transient',
    message: `HAProxy does not start with the new configuration${words === undefined ? '' : `: ${words}`}`,
    remedy: 'Look into the log of HAProxy for what it could not bind or open',
  }
}
