import { describeListener, fieldOf, findHolder, holderText } from '../../caddy/listeners.ts'
import { listenText } from '../../caddy/sockets.ts'
import { findUnrenderable } from '../../caddy/unrenderable.ts'
import type { Listener } from '../../model/driver.ts'
import type { Problem } from '../../model/problems.ts'
import { type FrontendKey, type SocketKey, socketKey } from '../../model/table.ts'
import type { Decided, Refused, Wanted } from './decided.ts'
import type { CaddyOptions } from './options.ts'
import type { Dial, Verdict } from './probe.ts'
import type { Quarantine } from './quarantine.ts'
import type { Snapshot } from './snapshot.ts'
import { type CutServers, isGone } from './strays.ts'

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
  { wanted, keep, cut }: Pick<Decided, 'wanted' | 'keep' | 'cut'>,
  signal: AbortSignal,
): Promise<ReadonlyMap<FrontendKey, Refused>> {
  const refused = new Map<FrontendKey, Refused>()
  const held = heldSockets(snapshot, cut)
  const others = otherListeners(snapshot, cut)
  const claims = keptSockets(snapshot, keep)
  const fresh: Wanted[] = []
  const isHeld = ({ socket }: Wanted) => held.has(listenText(socket))
  const isHolder = ({ frontend, socket }: Wanted) => held.get(listenText(socket)) === socketKey(frontend)
  /** What a refused frontend has stays, unless another socket has been given what it is bound to. */
  const refuse = ({ key, frontend }: Wanted, problem: Problem) => {
    const own = socketKey(frontend)
    const mine = [...held].flatMap(([text, holder]) => (holder === own ? [text] : []))
    const isFree = mine.every((text) => (claims.get(text) ?? own) === own)
    if (isFree) for (const text of mine) claims.set(text, own)
    refused.set(key, { problem, keep: isFree })
  }
  // Those that are bound go first, and so keep their sockets against those that only want them.
  for (const one of [...wanted.filter(isHolder), ...wanted.filter((other) => !isHolder(other))]) {
    const text = listenText(one.socket)
    const barred = quarantine.find(one)
    const problem =
      findUnrenderable(options.proxy, one.frontend, one.targets) ??
      findRival(options.proxy, one, claims.get(text)) ??
      (isHeld(one) ? undefined : findObstacle(options, others, one))
    if (barred !== undefined) refused.set(one.key, { problem: barred, keep: false })
    else if (problem !== undefined) refuse(one, problem)
    else {
      claims.set(text, socketKey(one.frontend))
      if (!isHeld(one)) fresh.push(one)
    }
  }
  for (const [one, problem] of await dialFresh(options, fresh, dial, signal)) refuse(one, problem)
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
function keptSockets({ owned }: Snapshot, keep: ReadonlySet<FrontendKey>): Map<string, SocketKey> {
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

/** Two published addresses may lead to one bound address, but a port of it can only be one of theirs. */
function findRival(
  proxy: string,
  { key, frontend, socket }: Wanted,
  rival: SocketKey | undefined,
): Problem | undefined {
  if (rival === undefined || rival === socketKey(frontend)) return undefined
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
  const sockets = Map.groupBy(options.probe ? fresh : [], ({ frontend }) => socketKey(frontend))
  const targets = [...sockets.values()].flatMap(([one]) => one?.frontend ?? [])
  const verdicts = targets.length === 0 ? [] : await dial(targets, signal)
  return [...sockets.values()].flatMap((all, index) =>
    all.flatMap((one) => {
      const problem = verdictProblem(options.proxy, one.key, one.frontend, verdicts[index] ?? 'unknown')
      return problem === undefined ? [] : [[one, problem] as const]
    }),
  )
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
