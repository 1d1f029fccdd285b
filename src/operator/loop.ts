import { setTimeout as delay } from 'node:timers/promises'
import { errorText } from '../model/problems.ts'
import type { Log } from './interfaces.ts'

export interface LoopOptions {
  /** One pass; resolves to whether something was left that another pass may mend. */
  readonly pass: (signal: AbortSignal) => Promise<{ readonly unfinished: boolean }>
  /** Changes this close together share a pass. */
  readonly quietMs: number
  /** A storm of changes waits no longer than this. */
  readonly patienceMs: number
  /** Without any change a pass runs this often, to find what was edited on a proxy by hand. */
  readonly resyncMs: number
  /** After an unfinished pass the next comes after this, doubled each time up to the last value, with full jitter. */
  readonly retryMs: { readonly first: number; readonly most: number }
  readonly log: Log
}

export interface Loop {
  /** Says that something changed. */
  markDirty(): void
  /** Resolves when the signal has ended the loop and the pass in hand. */
  readonly ended: Promise<void>
}

/**
 * Runs passes one after another, never two at once, until `signal` ends it after the pass in hand. `cut` ends that one too: passes get it as
 * their signal.
 */
export function startLoop(options: LoopOptions, cut: AbortSignal, signal: AbortSignal): Loop {
  let wake: AbortController | undefined
  let dirty = true
  const markDirty = () => {
    dirty = true
    wake?.abort()
  }
  /** Resolves after `delayMs`, or earlier when something changes or the loop ends. */
  const rest = async (delayMs: number) => {
    if (dirty || signal.aborted) return
    wake = new AbortController()
    await pause(delayMs, AbortSignal.any([signal, wake.signal]))
    wake = undefined
  }
  const settle = async () => {
    const deadline = performance.now() + options.patienceMs
    while (dirty && !signal.aborted && performance.now() < deadline) {
      dirty = false
      await rest(options.quietMs)
    }
  }
  const run = async () => {
    let failures = 0
    while (!signal.aborted) {
      await settle()
      dirty = false
      if (signal.aborted) return
      failures = (await passOnce(options, cut)) ? 0 : failures + 1
      await rest(failures === 0 ? options.resyncMs : retryDelay(options, failures))
    }
  }
  return { markDirty, ended: run() }
}

async function passOnce(options: LoopOptions, signal: AbortSignal): Promise<boolean> {
  try {
    return !(await options.pass(signal)).unfinished
  } catch (error) {
    if (!signal.aborted) options.log.error({ err: error }, `a pass failed: ${errorText(error)}`)
    return false
  }
}

/** Exponential with full jitter, so that many operators do not knock on a returning proxy together; never below half the first. */
function retryDelay({ retryMs, resyncMs }: LoopOptions, failures: number): number {
  const ceiling = Math.min(retryMs.most, resyncMs, retryMs.first * 2 ** Math.min(failures - 1, 16))
  return retryMs.first / 2 + Math.random() * (ceiling - retryMs.first / 2)
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(delayMs, undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
