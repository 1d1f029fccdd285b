import { createHash } from 'node:crypto'
import type { Problem } from '../../../model/problems.ts'
import type { Protocol, ProxyProtocol } from '../../../model/table.ts'
import type { Socket as MachineSocket } from '../../sockets.ts'
import { groupBySocket, type SharedSocket } from '../common/by-socket.ts'
import type { BoundFrontend, EngineRefusal } from '../engine.ts'

/** Idle connections end after this time where nobody says otherwise. For UDP it is how long a client's answers are waited for. */
const DEFAULT_IDLE_MS: Readonly<Record<Protocol, number>> = { TCP: 3_600_000, UDP: 60_000 }

/**
 * How connections of a frontend among several on a socket come to its targets: from the server that reads their names, or by one more server that is
 * the frontend's alone, on a socket of this name in a folder. nginx can count connections, end idle ones and leave PROXY headers out only by server.
 */
export type Way = 'direct' | { readonly socket: string }

export interface Route extends BoundFrontend {
  readonly way: Way
  readonly idleMs: number
}

/** What is bound once, however many frontends their hosts tell apart there. */
export interface Socket extends MachineSocket {
  readonly routes: readonly Route[]
  /** Whether hosts tell the routes apart. At most one of them has none: it gets what no other takes. */
  readonly shared: boolean
  /** What connections begin with that leave the socket's own server. */
  readonly proxyProtocol: ProxyProtocol
  /** Of the socket's own server. */
  readonly idleMs: number
}

export interface Blueprint {
  readonly sockets: readonly Socket[]
  readonly refused: readonly EngineRefusal[]
}

/** More connections than this it takes for a mistake in its file (ngx_stream_limit_conn_module). */
const HIGHEST_LIMIT = 65_535

/** Decides which sockets serve frontends that `acceptFrontends` let through. */
export function drawBlueprint(frontends: readonly BoundFrontend[]): Blueprint {
  const excessive = frontends.flatMap((bound) => refuseLimit(bound) ?? [])
  const ids = new Set(excessive.map(({ id }) => id))
  const drawn = groupBySocket(frontends.filter(({ id }) => !ids.has(id))).map((one) => drawSocket(one))
  return {
    sockets: drawn.flatMap(({ sockets }) => sockets),
    refused: [...excessive, ...drawn.flatMap(({ refused }) => refused)],
  }
}

function refuseLimit({ id, frontend: { maxConnections = 1 } }: BoundFrontend): EngineRefusal | undefined {
  if (maxConnections <= HIGHEST_LIMIT) return undefined
  return { id, problem: unsupported(id, `a limit of ${maxConnections} connections, more than ${HIGHEST_LIMIT},`) }
}

function drawSocket({ socket: place, frontends: bounds }: SharedSocket): Blueprint {
  const [first] = bounds
  const { hosts, proxyProtocol } = first.frontend
  if (bounds.length === 1 && hosts.length === 0) {
    const idleMs = idleOf(first)
    const routes = [{ ...first, way: 'direct', idleMs } as const]
    return { sockets: [{ ...place, routes, shared: false, proxyProtocol, idleMs }], refused: [] }
  }
  const greeting = findGreeting(bounds)
  const idleMs = Math.max(...bounds.map(idleOf))
  const refused = bounds.flatMap((bound) => refuseRoute(bound, greeting, idleMs) ?? [])
  const routes = bounds
    .filter(({ id }) => !refused.some((one) => one.id === id))
    .map((bound): Route => ({ ...bound, way: wayOf(bound, greeting, idleMs), idleMs: idleOf(bound) }))
  const sockets = routes.length === 0 ? [] : [{ ...place, routes, shared: true, proxyProtocol: greeting, idleMs }]
  return { sockets, refused }
}

function idleOf({ frontend }: BoundFrontend): number {
  return frontend.idleTimeoutMs ?? DEFAULT_IDLE_MS[frontend.protocol]
}

/** The PROXY header that all connections get which leave a shared socket. Where it only tells the client to a server of ours, any version does. */
function findGreeting(bounds: readonly BoundFrontend[]): ProxyProtocol {
  const asked = bounds.find(({ frontend }) => frontend.proxyProtocol !== 'off')?.frontend.proxyProtocol
  if (asked !== undefined) return asked
  const idleMs = Math.max(...bounds.map(idleOf))
  return bounds.every((bound) => isDirect(bound, 'off', idleMs)) ? 'off' : 'v1'
}

function isDirect(bound: BoundFrontend, greeting: ProxyProtocol, idleMs: number): boolean {
  const { proxyProtocol, maxConnections } = bound.frontend
  return proxyProtocol === greeting && maxConnections === undefined && idleOf(bound) === idleMs
}

/** A socket of another kind has another name: old workers may still lead there during a reload. */
function wayOf(bound: BoundFrontend, greeting: ProxyProtocol, idleMs: number): Way {
  if (isDirect(bound, greeting, idleMs)) return 'direct'
  const { id, frontend } = bound
  return { socket: createHash('sha256').update(`${id} ${frontend.proxyProtocol}`).digest('hex').slice(0, 16) }
}

function refuseRoute(bound: BoundFrontend, greeting: ProxyProtocol, idleMs: number): EngineRefusal | undefined {
  const { id, frontend } = bound
  const { proxyProtocol, balance } = frontend
  if (proxyProtocol !== 'off' && proxyProtocol !== greeting) {
    return {
      id,
      problem: unsupported(id, `PROXY protocol ${proxyProtocol} where another Service on its port has ${greeting}`),
    }
  }
  // The one more server gets the header among all that it passes on, and does not read it.
  const blind = proxyProtocol !== 'off' && balance === 'source' && !isDirect(bound, greeting, idleMs)
  if (!blind) return undefined
  const wishes = 'a limit of connections or an idle timeout of its own, with PROXY protocol and balance source,'
  return { id, problem: unsupported(id, `${wishes} on a port that hosts share`) }
}

function unsupported(id: string, what: string): Problem {
  const message = `${id} asks for ${what} which nginx cannot do`
  return { code: 'Unsupported', kind: 'unsupported', message, remedy: 'Remove the annotation, or use another address' }
}
