import { createHash } from 'node:crypto'
import { compareText, type Frontend, type HealthCheck, type ProxyProtocol } from '../../../model/table.ts'
import type { Socket as MachineSocket } from '../../sockets.ts'
import { groupBySocket } from '../common/by-socket.ts'
import type { BoundFrontend, EngineState } from '../engine.ts'

/** How the names of backends begin whose servers are checked. */
export const CHECKS = 'fairway.check.'

/** Servers that are only checked, once however many frontends lead to them: those of other backends `track` them. */
export interface CheckBackend {
  readonly name: string
  readonly group: string
  readonly check: HealthCheck
  /** That is asked. Where the traffic's is (`check.port` is undefined), targets with a port of their own are asked there. */
  readonly port: number
  /** Of the traffic, where its port is asked: a target that expects a header takes no other greeting. */
  readonly proxyProtocol: ProxyProtocol
}

/**
 * Servers that traffic goes to. Frontends that lead alike to one group share a backend: HAProxy then has as many servers as there are targets, not
 * as there are targets times frontends, and one command changes a target for all of them.
 */
export interface TargetBackend
  extends Pick<Frontend, 'group' | 'proxyProtocol' | 'balance' | 'affinityMs' | 'idleTimeoutMs'> {
  readonly name: string
  /** Of targets that have none of their own; undefined: the port that the frontend sets. */
  readonly port: number | undefined
  /** Name of the CheckBackend whose verdicts count. */
  readonly tracks: string | undefined
}

export interface Route extends BoundFrontend {
  readonly backend: TargetBackend
  /** The same targets unchecked, for the moment when a check that nobody asked for says that all of them are down. */
  readonly fallback: TargetBackend | undefined
}

/** What is bound once, however many frontends their hosts tell apart there. */
export interface Socket extends MachineSocket {
  readonly routes: readonly Route[]
  /** Whether hosts tell the routes apart. At most one of them has none: it gets what no other takes. */
  readonly shared: boolean
}

export interface Blueprint {
  readonly sockets: readonly Socket[]
  /** By name. */
  readonly checks: ReadonlyMap<string, CheckBackend>
  readonly backends: ReadonlyMap<string, TargetBackend>
}

/** Decides which sockets and backends serve frontends that `acceptFrontends` let through. */
export function drawBlueprint(frontends: readonly BoundFrontend[], groups: EngineState['groups']): Blueprint {
  const [checks, backends] = [createPool<CheckBackend>(), createPool<TargetBackend>()]
  const ported = new Set(
    [...groups].filter(([, { targets }]) => targets.some(({ port }) => port !== undefined)).map(([id]) => id),
  )
  const backendOf = (bound: BoundFrontend, check: CheckBackend | undefined, shared: boolean): TargetBackend =>
    targetBackend(backends, bound, check, { ported: ported.has(bound.frontend.group), shared })
  const drawn = groupBySocket(frontends).map(({ socket, frontends: bounds }): Socket => {
    const shared = bounds.length > 1 || bounds[0].frontend.hosts.length > 0
    const routes = bounds.map((bound): Route => {
      const fallback = bound.frontend.healthCheck?.derived === true ? backendOf(bound, undefined, shared) : undefined
      return { ...bound, backend: backendOf(bound, checkBackend(checks, bound.frontend), shared), fallback }
    })
    return { ...socket, routes, shared }
  })
  return { sockets: drawn, checks: checks.byName(), backends: backends.byName() }
}

type Part = string | number | undefined

/** Thousands of frontends have a few hundred backends among them: each is made once, for what tells it from others. */
interface Pool<Backend> {
  readonly find: (port: Part, parts: readonly Part[], make: (hash: string) => Backend) => Backend
  /** All that were made, in the order of their names. */
  readonly byName: () => ReadonlyMap<string, Backend>
}

function createPool<Backend extends { readonly name: string }>(): Pool<Backend> {
  const made = new Map<string, Backend>()
  return {
    find: (port, parts, make) => {
      const text = `${port} ${parts.join(' ')}`
      const backend = made.get(text) ?? make(digest(parts))
      made.set(text, backend)
      return backend
    },
    byName: () => {
      const named = [...made.values()].map((backend) => [backend.name, backend] as const)
      return new Map(named.toSorted(([a], [b]) => compareText(a, b)))
    },
  }
}

function checkBackend(
  pool: Pool<CheckBackend>,
  { group, targetPort, proxyProtocol, healthCheck }: Frontend,
): CheckBackend | undefined {
  if (healthCheck === undefined) return undefined
  const { kind, intervalMs, timeoutMs, rise, fall } = healthCheck
  const port = healthCheck.port ?? targetPort
  const greeting = healthCheck.port === undefined ? proxyProtocol : 'off'
  const parts = [group, kind, healthCheck.port, greeting, intervalMs, timeoutMs, rise, fall]
  return pool.find(port, parts, (hash) => {
    return { name: `${CHECKS}${group}.${port}.${hash}`, group, check: healthCheck, port, proxyProtocol: greeting }
  })
}

function targetBackend(
  pool: Pool<TargetBackend>,
  { id, frontend }: BoundFrontend,
  check: CheckBackend | undefined,
  { ported, shared }: { readonly ported: boolean; readonly shared: boolean },
): TargetBackend {
  const { group, targetPort, proxyProtocol, balance, idleTimeoutMs, maxConnections } = frontend
  // A PROXY header names the port that the client connected to, so that must stay.
  const port = ported || proxyProtocol !== 'off' ? targetPort : undefined
  const affinityMs = balance === 'source' ? frontend.affinityMs : undefined
  // Connections of one frontend among several on a socket can only be counted where they go.
  const counted = maxConnections !== undefined && shared ? id : undefined
  const parts = [group, proxyProtocol, balance, affinityMs, idleTimeoutMs, counted, check?.name]
  return pool.find(port, parts, (hash) => {
    const name = `fairway.to.${group}.${port ?? 'any'}.${hash}`
    return { name, group, port, proxyProtocol, balance, affinityMs, idleTimeoutMs, tracks: check?.name }
  })
}

/** Tells names apart. Nobody can do harm by a collision: it would be within one group. */
function digest(parts: readonly Part[]): string {
  return createHash('sha256')
    .update(JSON.stringify(parts.map((part) => part ?? null)))
    .digest('hex')
    .slice(0, 8)
}
