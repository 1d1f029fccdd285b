import { holderText } from '../../caddy/listeners.ts'
import { findUnrenderable } from '../../caddy/unrenderable.ts'
import type { Listener } from '../../model/driver.ts'
import { fieldOf } from '../../model/json.ts'
import type { Problem } from '../../model/problems.ts'
import { type FrontendKey, type SocketKey, socketKey } from '../../model/table.ts'
import { preflight as findRefused, type PreflightRules, type Refused } from '../common/preflight.ts'
import type { Dial } from '../common/probe.ts'
import type { Wanted } from '../common/wanted.ts'
import type { Decided } from './decided.ts'
import type { CaddyOptions } from './options.ts'
import type { Quarantine } from './quarantine.ts'
import type { Snapshot } from './snapshot.ts'
import { type CutServers, isGone } from './strays.ts'

export interface PreflightParts {
  readonly options: CaddyOptions
  readonly quarantine: Quarantine
  readonly dial: Dial
  readonly findFault: FaultFinder
}

type FaultFinder = PreflightRules['findUnrenderable']

/** Looks at a frontend once for as long as it and its targets are the same objects. */
export function createFaultFinder(): FaultFinder {
  const known = new WeakMap<object, { readonly targets: object; readonly fault: Problem | undefined }>()
  return (proxy, frontend, targets) => {
    const before = known.get(frontend)
    if (before?.targets === targets) return before.fault
    const fault = findUnrenderable(proxy, frontend, targets)
    known.set(frontend, { targets, fault })
    return fault
  }
}

/** Finds the frontends that a write must leave out: one that fails when Caddy binds leaves listeners behind, outside its configuration. */
export async function preflight(
  { options, quarantine, dial, findFault }: PreflightParts,
  snapshot: Snapshot,
  { wanted, keep, cut }: Pick<Decided, 'wanted' | 'keep' | 'cut'>,
  signal: AbortSignal,
): Promise<ReadonlyMap<FrontendKey, Refused>> {
  const { proxy, declares, probe } = options
  const itself = 'restart Caddy if it is Caddy itself'
  const rules = { proxy, declares, probe, program: 'Caddy', itself, findUnrenderable: findFault }
  const held = heldSockets(snapshot, cut)
  const kept = keptSockets(snapshot, keep)
  const ground = { held, kept, listeners: otherListeners(snapshot, cut) }
  // What is barred is left out whatever else is found, and must not stand in anybody's way.
  const free = wanted.filter((one) => quarantine.find(one) === undefined)
  const found = await findRefused(rules, ground, free, dial, signal)
  return withBarred(found, wanted, quarantine)
}

/** Adds what the quarantine bars by now. */
export function withBarred(
  found: ReadonlyMap<FrontendKey, Refused>,
  wanted: readonly Wanted[],
  quarantine: Quarantine,
): ReadonlyMap<FrontendKey, Refused> {
  const refused = new Map(found)
  for (const one of wanted) {
    const problem = quarantine.find(one)
    if (problem !== undefined) refused.set(one.key, { problem, keep: false })
  }
  return refused
}

/**
 * Everything that is bound already and ours to give: by our servers, edited ones and those about to go included, with the published socket that it
 * is for, and by strays that go as a whole.
 */
function heldSockets({ owned, siblings }: Snapshot, cut: CutServers): ReadonlyMap<string, SocketKey | undefined> {
  const going = [...siblings].filter(([key]) => isGone(cut, key))
  return new Map<string, SocketKey | undefined>([
    ...going.flatMap(([, { json }]) => listensOf(json).map((text) => [text, undefined] as const)),
    ...[...owned.values()].flatMap(({ name, json }) => listensOf(json).map((text) => [text, socketKey(name)] as const)),
  ])
}

/** What is bound for frontends that stay, whatever else is wanted. */
function keptSockets({ owned }: Snapshot, keep: ReadonlySet<FrontendKey>): ReadonlyMap<string, SocketKey> {
  const servers = [...owned.values()].filter(({ entries }) => entries.some(({ key }) => keep.has(key)))
  return new Map(servers.flatMap(({ name, json }) => listensOf(json).map((text) => [text, socketKey(name)] as const)))
}

function otherListeners({ observed, siblings }: Snapshot, cut: CutServers): readonly Listener[] {
  const going = new Set([...siblings.keys()].flatMap((key) => (isGone(cut, key) ? [holderText('layer4', key)] : [])))
  return observed.listeners.filter(({ holder }) => !going.has(holder))
}

function listensOf(json: unknown): readonly string[] {
  const listen = fieldOf(json, 'listen')
  return Array.isArray(listen) ? listen.filter((text: unknown) => typeof text === 'string') : []
}
