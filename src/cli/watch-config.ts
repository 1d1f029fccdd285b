import { setTimeout as delay } from 'node:timers/promises'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { errorText } from '../model/problems.ts'
import type { Log } from '../operator/interfaces.ts'

/** kubelet brings a changed ConfigMap within about a minute; looking at a small file every two seconds costs nothing. */
const LOOK_EVERY_MS = 2_000

/**
 * Rereads a configuration file until the signal ends it, and hands on each content that differs from the one before. An edit that cannot be
 * used is logged once, and the configuration in use stays. `tell` hears each time whether what was read is in use.
 */
export async function watchConfig(
  path: string,
  known: string,
  use: (config: Config) => Promise<void>,
  tell: (used: boolean) => void,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  let content = known
  let complaint = ''
  while (!signal.aborted) {
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
    if (signal.aborted) return
    try {
      const { config, text } = await loadConfig(path)
      // Also when a mistake is undone, and what is in use all the time is what the file says again.
      if (text === content && complaint === '') continue
      if (text !== content) await use(config)
      tell(true)
      content = text
      complaint = ''
    } catch (error) {
      tell(false)
      if (errorText(error) !== complaint)
        log.error({ path }, `configuration not used, the last good one stays: ${errorText(error)}`)
      complaint = errorText(error)
    }
  }
}
