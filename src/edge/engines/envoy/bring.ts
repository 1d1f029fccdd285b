import type { State } from './folder.ts'
import { load, warm } from './load.ts'
import { readVersions } from './progress.ts'
import { makeResources } from './resources.ts'
import type { Tools } from './tools.ts'

/** In this order a state that Envoy has the clusters of is loaded. */
const KINDS = ['listeners', 'clusters'] as const

/** Which of the files was not taken as a whole. What Envoy could take of it, it has taken. */
export type Result = 'taken' | 'clusters' | 'listeners'

/**
 * Brings a running Envoy from the state that is in place to another one. Clusters are there before listeners lead to them, and after listeners have stopped
 * to: so no connection of a frontend that changes is lost. An Envoy that restarts in between serves the state before or the new one. Without a state
 * before, Envoy has all that the new one has, and more.
 */
export async function bring(
  tools: Tools,
  before: State | undefined,
  state: State,
  signal: AbortSignal,
): Promise<Result> {
  if (before === undefined || isEdited(before)) {
    await tools.folder.put(state)
  } else if (!isSame(before, state)) {
    // An edge that ended in the middle may have left something for Envoy to load.
    await loadState(tools, before, signal)
    if ((await addClusters(tools, before, state, signal)) === 'failed') return 'clusters'
    await tools.folder.put(state)
  }
  const result = await loadState(tools, state, signal, before !== undefined && isEdited(before))
  if (result === 'taken') await warm(tools, state, signal)
  return result
}

/** Adds the clusters that are new to all of the state before. */
async function addClusters(
  tools: Tools,
  before: State,
  state: State,
  signal: AbortSignal,
): Promise<'taken' | 'failed'> {
  const added = [...state.clusters.byName].filter(([name]) => !before.clusters.byName.has(name))
  if (added.length === 0) return 'taken'
  const clusters = makeResources(new Map([...before.clusters.byName, ...added]))
  const between = { clusters, listeners: before.listeners }
  await tools.folder.put(between)
  const result = await load(tools, between, 'clusters', signal)
  if (result === 'taken') await warm(tools, between, signal)
  return result
}

/** Whether somebody has changed a file by hand. What Envoy has of it, its version does not tell. */
function isEdited({ clusters, listeners }: State): boolean {
  return clusters.version === '' || listeners.version === ''
}

/** Has Envoy load what it has not of a state that is in place, or all of it. */
async function loadState(tools: Tools, state: State, signal: AbortSignal, all = false): Promise<Result> {
  const running = await readVersions(tools.admin, signal)
  for (const kind of KINDS) {
    if (!all && running[kind] === state[kind].version) continue
    if ((await load(tools, state, kind, signal)) === 'failed') return kind
  }
  return 'taken'
}

/** Goes back to a state that Envoy had: it may have taken a part of another one. */
export async function bringBack(tools: Tools, state: State, signal: AbortSignal): Promise<void> {
  await tools.folder.put(state)
  for (const kind of KINDS) await load(tools, state, kind, signal)
}

/** Whether two states are alike to the last character. */
export function isSame(a: State, b: State): boolean {
  return a.clusters.text === b.clusters.text && a.listeners.text === b.listeners.text
}
