import { setTimeout as sleep } from 'node:timers/promises'
import { readOpenSockets } from '../../proc.ts'
import { listenerName, OURS } from './blueprint.ts'
import type { State } from './folder.ts'

/** Longer than this it is not the threads of Envoy that take their time. */
const CLOSES_WITHIN_MS = 2_000
const LOOK_EVERY_MS = 5

/**
 * Waits until nobody can connect any more to TCP listeners that the state after has not: the threads of Envoy close them when it has already said that
 * they are gone. Sockets of UDP stay as they are, and nobody answers there.
 */
export async function waitUntilClosed(before: State | undefined, after: State, signal: AbortSignal): Promise<void> {
  const gone = [...(before?.listeners.byName.keys() ?? [])].filter(
    (name) => name.startsWith(`${OURS}tcp.`) && !after.listeners.byName.has(name),
  )
  const deadline = performance.now() + CLOSES_WITHIN_MS
  while (gone.length > 0 && performance.now() < deadline) {
    const open = new Set((await readOpenSockets()).map(listenerName))
    if (!gone.some((name) => open.has(name))) return
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
}
