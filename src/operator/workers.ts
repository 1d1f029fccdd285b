import { Workqueue } from '../kube/workqueue.ts'
import { errorText } from '../model/problems.ts'
import type { Log } from './interfaces.ts'
import { markPass } from './pass-mark.ts'

export interface WorkersOptions {
  /** Names of the classes. */
  readonly keys: readonly string[]
  /** One pass of a class; resolves to whether something was left that another pass may mend. */
  readonly pass: (key: string, signal: AbortSignal) => Promise<{ readonly unfinished: boolean }>
  readonly timing: Timing
  readonly log: Log
}

export interface Timing {
  /** A pass starts this long after a change: changes close together share it. */
  readonly quietMs: number
  /** And no sooner than this after the last one that a change asked for began: a storm of changes costs a proxy a few writes a second at most. */
  readonly spacingMs: number
  /** Without any change a pass runs this often, to find what was edited on a proxy by hand. */
  readonly resyncMs: number
  /** After an unfinished pass the next one comes after this, doubled each time up to `resyncMs`. */
  readonly retryMs: number
}

export interface Workers {
  /** Says that something changed. */
  changed(): void
  /** How many classes have a pass due that has not begun. */
  waiting(): number
  /** Resolves when the signal has ended the workers and the passes in hand. */
  readonly ended: Promise<void>
}

/**
 * Runs the passes of all classes: one class never waits for another's slow proxy, and passes of one class never overlap. `signal` ends the workers
 * after the passes in hand; `cut` ends these too: they get it as their signal.
 */
export function startWorkers(options: WorkersOptions, cut: AbortSignal, signal: AbortSignal): Workers {
  const { keys, timing } = options
  const queue = new Workqueue({ baseMs: timing.retryMs, capMs: timing.resyncMs })
  const asked = new Set<string>()
  const beganAt = new Map<string, number>()
  const work = async () => {
    for (let key = await queue.take(cut); key !== undefined; key = await queue.take(cut)) {
      // Whoever changes something waits for changes before, not for a look that nobody has asked for.
      if (asked.delete(key)) beganAt.set(key, performance.now())
      if (await markPass(() => passOnce(options, key, cut))) {
        queue.forget(key)
        queue.addAfter(key, timing.resyncMs)
      } else {
        queue.retry(key)
      }
      queue.done(key)
    }
  }
  signal.addEventListener('abort', () => queue.shutDown(), { once: true })
  for (const key of keys) queue.add(key)
  return {
    changed: () => {
      for (const key of keys) {
        asked.add(key)
        const sinceMs = performance.now() - (beganAt.get(key) ?? Number.NEGATIVE_INFINITY)
        queue.addAfter(key, Math.max(timing.quietMs, timing.spacingMs - sinceMs))
      }
    },
    waiting: () => queue.length,
    ended: Promise.all(keys.map(() => endWith(cut, work))).then(() => undefined),
  }
}

/** A worker that the cut ends has ended well. */
async function endWith(cut: AbortSignal, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!cut.aborted) throw error
  }
}

/** Whether the pass left nothing to do. */
async function passOnce({ pass, log }: WorkersOptions, key: string, cut: AbortSignal): Promise<boolean> {
  try {
    return !(await pass(key, cut)).unfinished
  } catch (error) {
    if (!cut.aborted) log.error({ class: key, err: error }, `a pass failed: ${errorText(error)}`)
    return false
  }
}
