/** Programs of the edge machine that are stopped and started again, as systemd does with units. */
import { join } from 'node:path'
import type { Lab, LabProcess, Place } from './lab.ts'
import { waitFor } from './wait.ts'

export interface Unit {
  readonly logFile: string
  /** Starts it, and waits until it answers. */
  start(signal: AbortSignal): Promise<void>
  /** Ends it in order, with all that it has started. */
  stop(signal: AbortSignal): Promise<void>
  /** Ends it at once, as a power cut would. */
  kill(signal: AbortSignal): Promise<void>
}

const STARTS_WITHIN_MS = 20_000
const STOPS_WITHIN_MS = 15_000

/** `answers` is asked over and over until it is true; what it throws counts as no. */
export function createUnit(
  lab: Lab,
  place: Place,
  name: string,
  argv: readonly string[],
  answers: (signal: AbortSignal) => Promise<boolean>,
): Unit {
  let running: LabProcess | undefined
  const end = async (graceMs: number, signal: AbortSignal) => {
    const ended = running
    running = undefined
    await ended?.stop(graceMs, signal)
  }
  return {
    logFile: join(lab.dir, `${name}.log`),
    start: async (signal) => {
      const started = lab.spawn(place, name, argv)
      running = started
      const options = { timeoutMs: STARTS_WITHIN_MS, intervalMs: 50, daemons: [started] }
      await waitFor(`${name} to answer`, answers, options, signal)
    },
    stop: async (signal) => end(STOPS_WITHIN_MS, signal),
    kill: async (signal) => end(0, signal),
  }
}
