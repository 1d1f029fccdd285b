/** Programs of the edge machine that are stopped and started again, as systemd does with units. */
import { join } from 'node:path'
import type { Lab, LabProcess } from './lab.ts'
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

export interface UnitCommand {
  /** Tells units of a lab apart: of the log. */
  readonly name: string
  readonly argv: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** Asked over and over until it is true; what it throws counts as no. */
  readonly answers: (signal: AbortSignal) => Promise<boolean>
}

const STARTS_WITHIN_MS = 20_000
const STOPS_WITHIN_MS = 15_000

export function createUnit(lab: Lab, { name, argv, env, answers }: UnitCommand): Unit {
  let running: LabProcess | undefined
  const end = async (graceMs: number, signal: AbortSignal) => {
    const ended = running
    running = undefined
    await ended?.stop(graceMs, signal)
  }
  return {
    logFile: join(lab.dir, `${name}.log`),
    start: async (signal) => {
      const started = lab.spawn('edge', name, argv, env)
      running = started
      const options = { timeoutMs: STARTS_WITHIN_MS, intervalMs: 50, daemons: [started] }
      await waitFor(`${name} to answer`, answers, options, signal)
    },
    stop: async (signal) => end(STOPS_WITHIN_MS, signal),
    kill: async (signal) => end(0, signal),
  }
}
