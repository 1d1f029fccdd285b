import { setTimeout as sleep } from 'node:timers/promises'
import { FairwayError, type Problem } from '../../../model/problems.ts'
import type { Kind, State } from './folder.ts'
import { type Counts, isWarming, readCounts, readVersions } from './progress.ts'
import type { Tools } from './tools.ts'

/** Envoy takes 5,000 clusters in about a second. While it does, it does not answer. */
const LOADS_WITHIN_MS = 30_000
/** It looks within milliseconds. Longer than this it has not been told to look there. */
const LOOKS_WITHIN_MS = 5_000
/** A cluster is used once all of its targets have been checked, or have not answered. Longer ones become ready by themselves. */
const WARMS_WITHIN_MS = 3_000
const LOOK_EVERY_MS = 10

/** Has Envoy load one of the files that are in place, and waits for what becomes of it. Throws WriteNotConfirmed if nothing does. */
export async function load(tools: Tools, state: State, kind: Kind, signal: AbortSignal): Promise<'taken' | 'failed'> {
  const { admin, folder, options } = tools
  const [{ [kind]: version }, before] = [await readVersions(admin, signal), await readCounts(admin, kind, signal)]
  const isNew = version !== state[kind].version
  await folder.nudge(kind)
  const began = performance.now()
  let now = before
  let nextCount = 0
  for (;;) {
    const isThere = (await readVersions(admin, signal))[kind] === state[kind].version
    if (isThere && isNew) return 'taken'
    const waited = performance.now() - began
    // What was rejected is told by numbers alone, which take Envoy longer.
    if (waited >= nextCount) {
      now = await readCounts(admin, kind, signal)
      nextCount = 1.5 * waited + 2 * LOOK_EVERY_MS
    }
    if (isThere && now.taken > before.taken) return 'taken'
    if (now.failed > before.failed) return 'failed'
    if (waited > patience(before, now)) throw new FairwayError(notLoaded(options.configDir))
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
}

/** A file that was taken may be one from before: the one to wait for comes next. */
function patience(before: Counts, now: Counts): number {
  return now.taken > before.taken ? LOADS_WITHIN_MS : LOOKS_WITHIN_MS
}

/** Waits until no cluster is held back for the first answers of its targets. */
export async function warm({ admin }: Tools, { clusters }: State, signal: AbortSignal): Promise<void> {
  // Nothing is waited for where nothing is checked.
  if (!clusters.text.includes('"health_checks"')) return
  const deadline = performance.now() + WARMS_WITHIN_MS
  while ((await isWarming(admin, signal)) && performance.now() < deadline) {
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
}

function notLoaded(configDir: string): Problem {
  return {
    code: 'WriteNotConfirmed',
    kind: 'terminal',
    message: `Envoy does not load what is in ${configDir}`,
    remedy: 'Name its files in `dynamic_resources` of the bootstrap, as deploy/edge/envoy.yaml does',
  }
}
