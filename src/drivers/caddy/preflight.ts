import type { Listener } from '../../model/driver.ts'
import type { Problem } from '../../model/problems.ts'
import type { FrontendKey, Target } from '../../model/table.ts'
import { describeListener, fieldOf, findHolder } from './listeners.ts'
import type { CaddyOptions } from './options.ts'
import type { Dial, Verdict } from './probe.ts'
import type { Bound, Quarantine } from './quarantine.ts'
import { findUnrenderable, listenText } from './render.ts'
import type { Snapshot } from './snapshot.ts'

export interface Wanted extends Bound {
  readonly key: FrontendKey
  readonly targets: readonly Target[]
}

export interface Refused {
  readonly problem: Problem
  /** Whether the server that is there stays: it serves what it served before. Not so where it cannot be bound any more. */
  readonly keep: boolean
}

export interface PreflightParts {
  readonly options: CaddyOptions
  readonly quarantine: Quarantine
  readonly dial: Dial
}

/**
 * Finds the frontends that a write must leave out: a write that fails when Caddy binds leaves listeners behind, outside its configuration. What is
 * bound already is not looked at again, so nothing that is served is lost to a rule.
 */
export async function preflight(
  { options, quarantine, dial }: PreflightParts,
  snapshot: Snapshot,
  wanted: readonly Wanted[],
  signal: AbortSignal,
): Promise<ReadonlyMap<FrontendKey, Refused>> {
  const refused = new Map<FrontendKey, Refused>()
  const held = heldSockets(snapshot)
  const claims = new Map<string, FrontendKey>()
  const fresh: Wanted[] = []
  const isHeld = ({ socket }: Wanted) => held.has(listenText(socket))
  const isHolder = ({ key, socket }: Wanted) => held.get(listenText(socket)) === key
  /** What a refused frontend has stays, unless another one has been given its socket. */
  const refuse = (key: FrontendKey, problem: Problem) => {
    const mine = [...held].flatMap(([text, holder]) => (holder === key ? [text] : []))
    const keep = mine.every((text) => (claims.get(text) ?? key) === key)
    if (keep) for (const text of mine) claims.set(text, key)
    refused.set(key, { problem, keep })
  }
  // Those that are bound go first, and so keep their sockets against those that only want them.
  for (const one of [...wanted.filter(isHolder), ...wanted.filter((other) => !isHolder(other))]) {
    const text = listenText(one.socket)
    const barred = quarantine.find(one)
    const problem =
      findUnrenderable(options.proxy, one.frontend, one.targets) ??
      findRival(options.proxy, one, claims.get(text)) ??
      (isHeld(one) ? undefined : findObstacle(options, snapshot.observed.listeners, one))
    if (barred !== undefined) refused.set(one.key, { problem: barred, keep: false })
    else if (problem !== undefined) refuse(one.key, problem)
    else {
      claims.set(text, one.key)
      if (!isHeld(one)) fresh.push(one)
    }
  }
  for (const [key, problem] of await dialFresh(options, fresh, dial, signal)) refuse(key, problem)
  return refused
}

/** Every socket that our servers name now, edited ones and those about to go included, with the frontend that it serves. */
function heldSockets({ owned }: Snapshot): ReadonlyMap<string, FrontendKey> {
  const held = new Map<string, FrontendKey>()
  for (const { frontend, json } of owned.values()) {
    const listen = fieldOf(json, 'listen')
    for (const text of Array.isArray(listen) ? listen : []) if (typeof text === 'string') held.set(text, frontend)
  }
  return held
}

/** Two published addresses may lead to one bound address, but only one frontend can have a port of it. */
function findRival(proxy: string, { key, socket }: Wanted, rival: FrontendKey | undefined): Problem | undefined {
  if (rival === undefined) return undefined
  const message = `${key} would be bound to ${listenText(socket)} on proxy ${proxy}, which already serves ${rival}`
  return {
    code: 'PortTaken',
    kind: 'terminal',
    message,
    remedy: "Use another port, or correct the proxy's `listen` map",
  }
}

function findObstacle(
  options: CaddyOptions,
  listeners: readonly Listener[],
  { key, frontend, socket }: Wanted,
): Problem | undefined {
  if (!options.declares(frontend.address)) {
    const message = `${key} is on an address that neither a pool nor the \`listen\` map of proxy ${options.proxy} has`
    return { code: 'AddressNotOnProxy', kind: 'terminal', message, remedy: 'Add the address to a pool of the class' }
  }
  const holder = findHolder(listeners, socket)
  if (holder === undefined) return undefined
  const message = `${key} is taken on proxy ${options.proxy}: ${holder.holder} listens on ${describeListener(holder)}`
  return { code: 'PortTaken', kind: 'terminal', message, remedy: 'Use another port or address, or move that listener' }
}

/**
 * Dials what would be bound for the first time, at the published address as clients do. Over TCP for UDP as well: whether a host is there is the
 * same for both.
 */
async function dialFresh(options: CaddyOptions, fresh: readonly Wanted[], dial: Dial, signal: AbortSignal) {
  const dialled = options.probe ? fresh : []
  const targets = dialled.map(({ frontend }) => frontend)
  const verdicts = targets.length === 0 ? [] : await dial(targets, signal)
  return dialled.flatMap(({ key, frontend }, index) => {
    const problem = verdictProblem(options.proxy, key, frontend, verdicts[index] ?? 'unknown')
    return problem === undefined ? [] : [[key, problem] as const]
  })
}

function verdictProblem(
  proxy: string,
  key: FrontendKey,
  { address, port, protocol }: Wanted['frontend'],
  verdict: Verdict,
): Problem | undefined {
  if (verdict === 'open' && protocol === 'TCP') {
    const message = `${key} is taken on proxy ${proxy}: connections to it are accepted already, though not by a listener in Caddy's configuration`
    const remedy = `Find the process there (ss -ltnp 'sport = :${port}') and stop it; restart Caddy if it is Caddy itself; set \`probe: false\` if something on the way accepts everything`
    return { code: 'PortTaken', kind: 'terminal', message, remedy }
  }
  if (verdict === 'unreachable') {
    const message = `${key} cannot be served by proxy ${proxy}: no host answers at ${address}`
    const remedy = 'Add the address to the proxy and its network, or set `probe: false` where a firewall answers so'
    return { code: 'AddressNotOnProxy', kind: 'terminal', message, remedy }
  }
  return undefined
}
