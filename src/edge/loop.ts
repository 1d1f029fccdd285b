import { errorText } from '../model/problems.ts'
import type { Log } from './log.ts'

export interface LoopTiming {
  /** Without any request a pass runs this often: ports become free, programs restart, people edit files. */
  readonly resyncMs: number
  /** After a failed pass the next one comes after this, doubled each time up to `resyncMs`. */
  readonly retryMs: number
}

export interface Loop {
  /** Says that there is work. */
  kick(): void
  /** Runs a pass now and resolves when it is over. */
  runOnce(): Promise<void>
  /** Resolves when the pass in hand is over; there will be no other. */
  stop(): Promise<void>
}

/** Runs passes one at a time, for as long as there is work, and now and then without. A pass resolves with whether it left nothing undone. */
export function createLoop(pass: () => Promise<boolean>, timing: LoopTiming, log: Log): Loop {
  let running: Promise<void> | undefined
  let wanted = false
  let stopped = false
  let failures = 0
  let timer: NodeJS.Timeout | undefined

  async function runAll(): Promise<void> {
    clearTimeout(timer)
    while (wanted) {
      wanted = false
      const good = await pass().catch((error: unknown) => {
        log.error({ err: error }, `a pass failed: ${errorText(error)}`)
        return false
      })
      failures = good ? 0 : failures + 1
    }
    running = undefined
    if (stopped) return
    const { retryMs, resyncMs } = timing
    const waitMs = failures === 0 ? resyncMs : Math.min(retryMs * 2 ** (failures - 1), resyncMs)
    timer = setTimeout(kick, waitMs)
  }

  function kick(): void {
    if (stopped) return
    wanted = true
    // Later, so that whatever the pass kicks finds it running.
    running ??= Promise.resolve().then(runAll)
  }

  return {
    kick,
    runOnce: async () => {
      kick()
      await running
    },
    stop: async () => {
      stopped = true
      wanted = false
      clearTimeout(timer)
      await running
    },
  }
}
