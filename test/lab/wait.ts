/** Waits: each has an end and follows an AbortSignal. */
import { setTimeout as sleep } from 'node:timers/promises'
import { tailFile } from './tail.ts'

/** A process that something depends on. */
export interface Watched {
  readonly name: string
  readonly logFile: string
  /** Undefined while it runs. */
  exitCode(this: void): number | string | undefined
}

export interface WaitOptions {
  readonly timeoutMs: number
  readonly intervalMs?: number
  /** The wait fails at once when one of these has ended. */
  readonly daemons?: readonly Watched[]
}

export async function delay(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal })
}

/**
 * Repeats a probe until it gives something truthy, and gives that. A probe that throws has not succeeded yet; its last
 * error is part of the message when the time is over.
 */
export async function waitFor<T>(
  what: string,
  probe: (signal: AbortSignal) => Promise<T | undefined>,
  options: WaitOptions,
  signal: AbortSignal,
): Promise<T> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)])
  let lastError: unknown
  for (;;) {
    try {
      const result = await probe(limit)
      if (result) return result
    } catch (error) {
      lastError = error
    }
    signal.throwIfAborted()
    await failIfEnded(what, options.daemons ?? [])
    if (limit.aborted)
      throw new Error(`${what}: not within ${options.timeoutMs} ms${because(lastError)}`, { cause: lastError })
    await delay(options.intervalMs ?? 100, limit).catch(() => {})
  }
}

async function failIfEnded(what: string, daemons: readonly Watched[]): Promise<void> {
  for (const daemon of daemons) {
    const exit = daemon.exitCode()
    if (exit === undefined) continue
    throw new Error(`${what}: ${daemon.name} ended with ${exit}\n${await tailFile(daemon.logFile)}`)
  }
}

function because(error: unknown): string {
  return error instanceof Error ? `; last error: ${error.message}` : ''
}
