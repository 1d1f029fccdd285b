import { describeListener, findHolder } from '../../caddy/listeners.ts'
import { listenText } from '../../caddy/sockets.ts'
import type { Listener } from '../../model/driver.ts'
import type { Problem } from '../../model/problems.ts'
import { type FrontendKey, type SocketKey, socketKey } from '../../model/table.ts'
import type { Dial, Verdict } from '../caddy/probe.ts'
import type { Wanted } from './compose.ts'
import type { OwnedSocket } from './estates.ts'
import type { DataplaneOptions } from './options.ts'
import { findUnrenderable } from './unrenderable.ts'

export interface Refused {
  readonly problem: Problem
  /** Whether what the proxy has of it stays: it serves what it served before. Not so where it cannot be bound any more. */
  readonly keep: boolean
}

/** What is known before anything is written. */
export interface Ground {
  readonly wanted: readonly Wanted[]
  /** Our sockets as the proxy has them. */
  readonly sockets: readonly OwnedSocket[]
  /** Sockets of other classes that go with this write: what they hold is ours to give. */
  readonly freed: readonly OwnedSocket[]
  /** Frontends that the table lacks and that stay. */
  readonly keep: ReadonlySet<FrontendKey>
  readonly listeners: readonly Listener[]
  /** Why a socket must not be bound now. */
  readonly barred: (socket: SocketKey) => Problem | undefined
}

/**
 * Finds the frontends that a write must leave out: HAProxy serves nobody for two seconds when a reload fails at one of them (2.6). What is bound already is
 * not looked at again, so nothing that is served is lost to a rule.
 */
export async function preflight(
  options: DataplaneOptions,
  ground: Ground,
  dial: Dial,
  signal: AbortSignal,
): Promise<ReadonlyMap<FrontendKey, Refused>> {
  const refused = new Map<FrontendKey, Refused>()
  const held = heldSockets(ground)
  const claims = keptSockets(ground)
  const fresh: Wanted[] = []
  const isHolder = ({ frontend, socket }: Wanted) => held.get(listenText(socket)) === socketKey(frontend)
  const refuse = ({ key, frontend }: Wanted, problem: Problem) => {
    const own = socketKey(frontend)
    const mine = [...held].flatMap(([text, holder]) => (holder === own ? [text] : []))
    const isFree = mine.every((text) => (claims.get(text) ?? own) === own)
    if (isFree) for (const text of mine) claims.set(text, own)
    refused.set(key, { problem, keep: isFree })
  }
  // Those that are bound go first, and so keep their sockets against those that only want them.
  for (const one of [...ground.wanted.filter(isHolder), ...ground.wanted.filter((other) => !isHolder(other))]) {
    const text = listenText(one.socket)
    const isHeld = held.has(text)
    const barred = isHeld ? undefined : ground.barred(socketKey(one.frontend))
    const problem =
      findUnrenderable(options.proxy, one.frontend, one.targets) ??
      findRival(options.proxy, one, claims.get(text)) ??
      barred ??
      (isHeld ? undefined : findObstacle(options, ground.listeners, one))
    if (problem !== undefined) {
      refuse(one, problem)
      continue
    }
    claims.set(text, socketKey(one.frontend))
    if (!isHeld) fresh.push(one)
  }
  for (const [one, problem] of await dialFresh(options, fresh, dial, signal)) refuse(one, problem)
  return refused
}

/** All that is bound already and ours to give, with the published socket that it is for. */
function heldSockets({ sockets, freed }: Ground): ReadonlyMap<string, SocketKey | undefined> {
  return new Map<string, SocketKey | undefined>([
    ...freed.flatMap((socket) => bindsOf(socket).map((text) => [text, undefined] as const)),
    ...sockets.flatMap((socket) => bindsOf(socket).map((text) => [text, socketKey(socket.name)] as const)),
  ])
}

/** What is bound for frontends that stay, whatever else is wanted. */
function keptSockets({ sockets, keep }: Ground): Map<string, SocketKey> {
  const kept = sockets.filter(({ entries }) => entries.some(({ key }) => keep.has(key)))
  return new Map(kept.flatMap((socket) => bindsOf(socket).map((text) => [text, socketKey(socket.name)] as const)))
}

function bindsOf({ section }: OwnedSocket): readonly string[] {
  const binds: unknown = section['binds']
  const all: readonly unknown[] = typeof binds === 'object' && binds !== null ? Object.values(binds) : []
  return all.flatMap((bind) => {
    if (typeof bind !== 'object' || bind === null || !('address' in bind) || !('port' in bind)) return []
    const { address, port } = bind
    if (typeof address !== 'string' || typeof port !== 'number') return []
    return [listenText({ protocol: 'TCP', address, port })]
  })
}

/** Two published addresses may lead to one bound address, but a port of it can only be one of theirs. */
function findRival(
  proxy: string,
  { key, frontend, socket }: Wanted,
  rival: SocketKey | undefined,
): Problem | undefined {
  if (rival === undefined || rival === socketKey(frontend)) return undefined
  const message = `${key} would be bound to ${listenText(socket)} on proxy ${proxy}, which already serves ${rival}`
  const remedy = "Use another port, or correct the proxy's `listen` map"
  return { code: 'PortTaken', kind: 'terminal', message, remedy }
}

function findObstacle(
  { proxy, declares }: DataplaneOptions,
  listeners: readonly Listener[],
  { key, frontend, socket }: Wanted,
): Problem | undefined {
  if (!declares(frontend.address)) {
    const message = `${key} is on an address that neither a pool nor the \`listen\` map of proxy ${proxy} has`
    return { code: 'AddressNotOnProxy', kind: 'terminal', message, remedy: 'Add the address to a pool of the class' }
  }
  const holder = findHolder(listeners, socket)
  if (holder === undefined) return undefined
  const message = `${key} is taken on proxy ${proxy}: ${holder.holder} listens on ${describeListener(holder)}`
  return { code: 'PortTaken', kind: 'terminal', message, remedy: 'Use another port or address, or move that listener' }
}

/** Dials what would be bound for the first time, at the published address as clients do. */
async function dialFresh(options: DataplaneOptions, fresh: readonly Wanted[], dial: Dial, signal: AbortSignal) {
  const sockets = Map.groupBy(options.probe ? fresh : [], ({ frontend }) => socketKey(frontend))
  const targets = [...sockets.values()].flatMap(([one]) => one?.frontend ?? [])
  const verdicts = targets.length === 0 ? [] : await dial(targets, signal)
  return [...sockets.values()].flatMap((all, index) =>
    all.flatMap((one) => {
      const problem = verdictProblem(options.proxy, one, verdicts[index] ?? 'unknown')
      return problem === undefined ? [] : [[one, problem] as const]
    }),
  )
}

function verdictProblem(proxy: string, { key, frontend }: Wanted, verdict: Verdict): Problem | undefined {
  if (verdict === 'open') {
    const message = `${key} is taken on proxy ${proxy}: connections to it are accepted already, though not by HAProxy's configuration`
    const remedy = `Find the process there (ss -ltnp 'sport = :${frontend.port}') and stop it; set \`probe: false\` if something on the way accepts everything`
    return { code: 'PortTaken', kind: 'terminal', message, remedy }
  }
  if (verdict !== 'unreachable') return undefined
  const message = `${key} cannot be served by proxy ${proxy}: no host answers at ${frontend.address}`
  const remedy = 'Add the address to the proxy and its network, or set `probe: false` where a firewall answers so'
  return { code: 'AddressNotOnProxy', kind: 'terminal', message, remedy }
}
