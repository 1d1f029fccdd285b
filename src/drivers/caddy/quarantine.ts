import { type BindError, covers, isAbout } from '../../caddy/bind-error.ts'
import type { Socket } from '../../model/listen.ts'
import type { Problem } from '../../model/problems.ts'
import { type Frontend, type FrontendKey, frontendKey } from '../../model/table.ts'
import type { DialTarget, Verdict } from '../common/probe.ts'

/** A frontend and the socket that it would be bound to. */
export interface Bound {
  readonly frontend: Frontend
  readonly socket: Socket
}

interface Entry {
  readonly error: BindError
  /** The frontends that the error was about, as they were. */
  readonly contents: ReadonlyMap<FrontendKey, string>
  /** What to dial to see whether anything has changed since; undefined where no dial can tell. */
  readonly probe: DialTarget | undefined
  verdict: Verdict | undefined
}

/**
 * What Caddy could not bind. A write that fails so leaves listeners behind that Caddy opened before, so none of it is tried again until
 * there is a reason: the frontend has changed or is gone, or a dial that used to fail is answered with a refusal, which shows that the
 * address is there and the port free. In memory only: after a restart one more failure is the price.
 */
export interface Quarantine {
  /** Why a frontend must not be bound, or undefined. */
  find(bound: Bound): Problem | undefined
  /** Whether a socket must not be bound. */
  bars(socket: Socket): boolean
  /** Takes in what an error names; false when it names nothing of ours that is not in here already. */
  add(error: BindError, table: readonly Bound[]): boolean
  /** Takes out what may be tried again. `dial` is undefined where dials tell nothing. */
  review(
    table: readonly Bound[],
    dial: ((targets: readonly DialTarget[]) => Promise<readonly Verdict[]>) | undefined,
  ): Promise<void>
}

/** Makes one for a proxy, by its name in our configuration. */
export function createQuarantine(proxy: string): Quarantine {
  let entries: readonly Entry[] = []

  const covering = (socket: Socket) => entries.find(({ error }) => covers(error, socket))

  return {
    find({ frontend, socket }) {
      const entry = covering(socket)
      return entry === undefined ? undefined : problemOf(proxy, entry.error, frontendKey(frontend))
    },
    bars: (socket) => covering(socket) !== undefined,
    add(error, table) {
      const named = table.filter(({ socket }) => covers(error, socket) && covering(socket) === undefined)
      if (named.length === 0) return false
      const contents = new Map(named.map(({ frontend }) => [frontendKey(frontend), contentOf(frontend)]))
      entries = [...entries, { error, contents, probe: probeFor(error, named), verdict: undefined }]
      return true
    },
    async review(table, dial) {
      if (entries.length === 0) return
      const now = new Map(table.map(({ frontend }) => [frontendKey(frontend), contentOf(frontend)]))
      entries = entries.filter(({ contents }) => stillStands(contents, now))
      const probed = entries.flatMap((entry) => (entry.probe === undefined ? [] : [{ entry, target: entry.probe }]))
      if (dial === undefined || probed.length === 0) return
      const verdicts = await dial(probed.map(({ target }) => target))
      const lifted = new Set(probed.flatMap(({ entry }, index) => (learn(entry, verdicts[index]) ? [entry] : [])))
      entries = entries.filter((entry) => !lifted.has(entry))
    },
  }
}

/** Whether an entry may go: its port refuses connections now and did not when we looked first, right after the failure. */
function learn(entry: Entry, verdict: Verdict | undefined): boolean {
  if (entry.verdict !== undefined && entry.verdict !== 'refused' && verdict === 'refused') return true
  entry.verdict ??= verdict
  return false
}

function stillStands(contents: Entry['contents'], now: ReadonlyMap<FrontendKey, string>): boolean {
  const present = [...contents].filter(([key]) => now.has(key))
  return present.length > 0 && present.every(([key, content]) => now.get(key) === content)
}

/** Its settings and its Service. Without the targets: a node that comes or goes does not make an address bindable. */
function contentOf({ group: _group, targetPort: _targetPort, ...rest }: Frontend): string {
  return JSON.stringify(rest)
}

/** A TCP dial tells whether an address is there even where only UDP is wanted, but nothing about who holds a UDP port. */
function probeFor(error: BindError, named: readonly Bound[]): DialTarget | undefined {
  if (isAbout(error, 'family') || isAbout(error, 'privilege')) return undefined
  const first =
    named.find(({ frontend }) => frontend.protocol === 'TCP') ?? (isAbout(error, 'address') ? named[0] : undefined)
  return first === undefined ? undefined : { address: first.frontend.address, port: first.frontend.port }
}

const LEFT =
  'listeners that Caddy opened before it failed may go on answering beside its configuration until Caddy is restarted'
const AGAIN = 'then change the Service or restart Fairway to try again'

function problemOf(proxy: string, error: BindError, key: FrontendKey): Problem {
  const failed = `proxy ${proxy} cannot bind ${key}`
  const where = isAbout(error, 'use') ? `${error.address} port ${error.port}` : error.address
  const because = `Caddy said "${error.reason}" of ${where}; ${LEFT}`
  if (isAbout(error, 'address') || isAbout(error, 'family')) {
    const message = `${failed}: it has no such address (${because})`
    const remedy = `Add the address to the proxy (ip addr add), set net.ipv4.ip_nonlocal_bind=1, or map it with \`listen\`; ${AGAIN}`
    return { code: 'AddressNotOnProxy', kind: 'terminal', message, remedy }
  }
  if (isAbout(error, 'use')) {
    const message = `${failed}: another process holds the port (${because})`
    const remedy = `Find it on the proxy (ss -lnp 'sport = :${error.port}') and stop it, or use another port; ${AGAIN}`
    return { code: 'PortTaken', kind: 'terminal', message, remedy }
  }
  const message = `${failed}: the system does not let it (${because})`
  const remedy = `Give Caddy what it lacks, as CAP_NET_BIND_SERVICE for ports below 1024; ${AGAIN}`
  return { code: 'ProxyRejected', kind: 'terminal', message, remedy }
}
