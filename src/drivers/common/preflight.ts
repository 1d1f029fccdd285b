import type { Listener } from '../../model/driver.ts'
import { listenText, type Socket } from '../../model/listen.ts'
import { describeListener, findHolder } from '../../model/listeners.ts'
import type { Problem } from '../../model/problems.ts'
import type { Served } from '../../model/table.ts'
import { type FrontendKey, type SocketKey, socketKey } from '../../model/table.ts'
import type { Dial, Verdict } from './probe.ts'

/** A frontend that would be bound. */
export interface Candidate extends Served {
  readonly key: FrontendKey
  readonly socket: Socket
}

export interface Refused {
  readonly problem: Problem
  /** Whether what the proxy has of it stays: it serves what it served before. Not so where it cannot be bound any more. */
  readonly keep: boolean
}

/** How one kind of proxy is looked at. */
export interface PreflightRules {
  /** The proxy's name in our configuration. */
  readonly proxy: string
  /** Whether a pool or the listen map knows a published address. */
  readonly declares: (publishedAddress: string) => boolean
  /** Whether a connection tells anything of what is bound there. */
  readonly probe: boolean
  /** `Caddy` */
  readonly program: string
  /** What to do if it is the program itself that answers though its configuration does not say so; undefined: it never is. */
  readonly itself?: string
  readonly findUnrenderable: (
    proxy: string,
    frontend: Candidate['frontend'],
    targets: Candidate['targets'],
  ) => Problem | undefined
}

/** What is known before anything is written. Sockets are as `listenText` says them. */
export interface Ground {
  /** What is bound already and ours to give, with the published socket that it is for; undefined: of strays that go with this write. */
  readonly held: ReadonlyMap<string, SocketKey | undefined>
  /** What stays bound, whatever else is wanted. */
  readonly kept: ReadonlyMap<string, SocketKey>
  readonly listeners: readonly Listener[]
  /** Why a socket must not be bound now. */
  readonly barred?: (socket: SocketKey) => Problem | undefined
}

/**
 * Finds the frontends that a write must leave out, because all of it would fail or leave something behind. What is bound already is not looked at again,
 * so nothing that is served is lost to a rule.
 */
export async function preflight(
  rules: PreflightRules,
  ground: Ground,
  wanted: readonly Candidate[],
  dial: Dial,
  signal: AbortSignal,
): Promise<ReadonlyMap<FrontendKey, Refused>> {
  const { held } = ground
  const refused = new Map<FrontendKey, Refused>()
  const claims = new Map(ground.kept)
  const fresh: Candidate[] = []
  const looked = wanted.map((one) => ({ one, text: listenText(one.socket), own: socketKey(one.frontend) }))
  const isHolder = ({ text, own }: (typeof looked)[number]) => held.get(text) === own
  /** What a refused frontend has stays, unless another socket has been given what it is bound to. */
  const refuse = ({ key, frontend }: Candidate, problem: Problem) => {
    const own = socketKey(frontend)
    const mine = [...held].flatMap(([text, holder]) => (holder === own ? [text] : []))
    const isFree = mine.every((text) => (claims.get(text) ?? own) === own)
    if (isFree) for (const text of mine) claims.set(text, own)
    refused.set(key, { problem, keep: isFree })
  }
  // Those that are bound go first, and so keep their sockets against those that only want them.
  for (const { one, text, own } of [...looked.filter(isHolder), ...looked.filter((other) => !isHolder(other))]) {
    const problem =
      rules.findUnrenderable(rules.proxy, one.frontend, one.targets) ??
      findRival(rules.proxy, one, own, claims.get(text)) ??
      (held.has(text) ? undefined : findObstacle(rules, ground, one))
    if (problem === undefined) {
      claims.set(text, own)
      if (!held.has(text)) fresh.push(one)
    } else refuse(one, problem)
  }
  for (const [one, problem] of await dialFresh(rules, fresh, dial, signal)) refuse(one, problem)
  return refused
}

/** Two published addresses may lead to one bound address, but a port of it can only be one of theirs. */
function findRival(
  proxy: string,
  { key, socket }: Candidate,
  own: SocketKey,
  rival: SocketKey | undefined,
): Problem | undefined {
  if (rival === undefined || rival === own) return undefined
  const message = `${key} would be bound to ${listenText(socket)} on proxy ${proxy}, which already serves ${rival}`
  const remedy = "Use another port, or correct the proxy's `listen` map"
  return { code: 'PortTaken', kind: 'terminal', message, remedy }
}

function findObstacle(
  { proxy, declares }: PreflightRules,
  { listeners, barred }: Ground,
  { key, frontend, socket }: Candidate,
): Problem | undefined {
  const resting = barred?.(socketKey(frontend))
  if (resting !== undefined) return resting
  if (!declares(frontend.address)) {
    const message = `${key} is on an address that neither a pool nor the \`listen\` map of proxy ${proxy} has`
    return { code: 'AddressNotOnProxy', kind: 'terminal', message, remedy: 'Add the address to a pool of the class' }
  }
  const holder = findHolder(listeners, socket)
  if (holder === undefined) return undefined
  const message = `${key} is taken on proxy ${proxy}: ${holder.holder} listens on ${describeListener(holder)}`
  return { code: 'PortTaken', kind: 'terminal', message, remedy: 'Use another port or address, or move that listener' }
}

/**
 * Dials what would be bound for the first time, at the published address as clients do. Over TCP for UDP as well: whether a host is there is the
 * same for both.
 */
async function dialFresh(rules: PreflightRules, fresh: readonly Candidate[], dial: Dial, signal: AbortSignal) {
  const sockets = Map.groupBy(rules.probe ? fresh : [], ({ frontend }) => socketKey(frontend))
  const targets = [...sockets.values()].flatMap(([one]) => one?.frontend ?? [])
  const verdicts = targets.length === 0 ? [] : await dial(targets, signal)
  return [...sockets.values()].flatMap((all, index) =>
    all.flatMap((one) => {
      const problem = verdictProblem(rules, one, verdicts[index] ?? 'unknown')
      return problem === undefined ? [] : [[one, problem] as const]
    }),
  )
}

function verdictProblem(
  { proxy, program, itself }: PreflightRules,
  { key, frontend: { address, port, protocol } }: Candidate,
  verdict: Verdict,
): Problem | undefined {
  if (verdict === 'open' && protocol === 'TCP') {
    const message = `${key} is taken on proxy ${proxy}: connections to it are accepted already, though not by a listener in ${program}'s configuration`
    const again = itself === undefined ? '' : ` ${itself};`
    const remedy = `Find the process there (ss -ltnp 'sport = :${port}') and stop it;${again} set \`probe: false\` if something on the way accepts everything`
    return { code: 'PortTaken', kind: 'terminal', message, remedy }
  }
  if (verdict === 'unreachable') {
    const message = `${key} cannot be served by proxy ${proxy}: no host answers at ${address}`
    const remedy = 'Add the address to the proxy and its network, or set `probe: false` where a firewall answers so'
    return { code: 'AddressNotOnProxy', kind: 'terminal', message, remedy }
  }
  return undefined
}
