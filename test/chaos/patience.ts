/** Starts as a unit does: again and again. */
import { waitFor } from '../lab/wait.ts'

const STARTS_WITHIN_MS = 180_000
const PAUSE_MS = 1_000

/** Tries until a program is up. What an attempt has left is ended before the next. */
export async function startPatiently(
  what: string,
  start: () => Promise<void>,
  end: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const attempt = async () => {
    await end()
    await start()
    return true
  }
  await waitFor(`${what} to start`, attempt, { timeoutMs: STARTS_WITHIN_MS, intervalMs: PAUSE_MS }, signal)
}
