import { createHash } from 'node:crypto'
import { hostPort } from '../../../model/address.ts'
import type { Frontend, HealthCheck, Target } from '../../../model/table.ts'
import type { Socket as MachineSocket } from '../../sockets.ts'
import { groupBySocket } from '../common/by-socket.ts'
import type { BoundFrontend, EngineState } from '../engine.ts'

/** Targets that frontends lead alike to: Envoy's cluster. Its name stays while its targets change. */
export interface Cluster extends Pick<Frontend, 'group' | 'proxyProtocol' | 'balance'> {
  readonly name: string
  /** Of targets that have none of their own. */
  readonly port: number
  readonly check: HealthCheck | undefined
  /** Most sessions of UDP; connections of TCP are counted by the listener. */
  readonly maxSessions: number | undefined
}

export interface Route extends BoundFrontend {
  readonly cluster: Cluster
}

/** What is bound once, however many frontends their hosts tell apart there: Envoy's listener. */
export interface Socket extends MachineSocket {
  readonly name: string
  readonly routes: readonly Route[]
}

export interface Blueprint {
  readonly sockets: readonly Socket[]
  readonly clusters: readonly Cluster[]
}

/** How the names of our clusters and listeners begin. */
export const OURS = 'fairway.'

/**
 * Checks that nobody asked for are left out when there would be more of them in a second. Each cluster of Envoy checks its targets by itself, on the
 * thread that takes changes: 5,000 frontends on ten nodes would ask 10,000 times a second. Nodes that are not ready are left out anyway.
 */
const MOST_DERIVED_CHECKS = 1_000

/** Decides which listeners and clusters serve frontends that `acceptFrontends` let through. */
export function drawBlueprint(frontends: readonly BoundFrontend[], groups: EngineState['groups']): Blueprint {
  const drawn = draw(frontends)
  const rate = drawn.clusters.reduce((sum, { group, check }) => {
    const targets = groups.get(group)?.targets.length ?? 0
    return check?.derived === true ? sum + (1_000 * targets) / check.intervalMs : sum
  }, 0)
  return rate > MOST_DERIVED_CHECKS ? draw(frontends.map(withoutDerivedCheck)) : drawn
}

function withoutDerivedCheck(bound: BoundFrontend): BoundFrontend {
  return bound.frontend.healthCheck?.derived === true
    ? { ...bound, frontend: { ...bound.frontend, healthCheck: undefined } }
    : bound
}

function draw(frontends: readonly BoundFrontend[]): Blueprint {
  const clusters = new Map<string, Cluster>()
  const drawn = groupBySocket(frontends).map(({ socket, frontends: bounds }): Socket => {
    const routes = bounds.map((bound) => ({ ...bound, cluster: findCluster(clusters, bound) }))
    return { ...socket, name: listenerName(socket), routes }
  })
  return { sockets: drawn, clusters: [...clusters.values()] }
}

/** `fairway.tcp.203.0.113.10:443` */
export function listenerName({ protocol, address, port }: MachineSocket): string {
  return `${OURS}${protocol.toLowerCase()}.${hostPort(address, port)}`
}

/** Frontends share a cluster where they lead alike to one port of one group. */
function findCluster(clusters: Map<string, Cluster>, { id, frontend }: BoundFrontend): Cluster {
  const { protocol, group, targetPort: port, proxyProtocol, balance, healthCheck: check, maxConnections } = frontend
  const maxSessions = protocol === 'UDP' ? maxConnections : undefined
  const { kind, port: checkPort, intervalMs, timeoutMs, rise, fall, derived } = check ?? {}
  const asks = check === undefined ? undefined : [kind, checkPort, intervalMs, timeoutMs, rise, fall, derived].join(' ')
  const key = JSON.stringify([group, port, proxyProtocol, balance, asks, maxSessions, maxSessions && id])
  const found = clusters.get(key)
  if (found !== undefined) return found
  // Nobody can do harm by a collision: it would be within one group.
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 8)
  const name = `${OURS}${group}.${port}.${digest}`
  const cluster = { name, group, port, proxyProtocol, balance, check, maxSessions }
  clusters.set(key, cluster)
  return cluster
}

/** Where a cluster's traffic to a target goes. */
export function portOf({ port }: Pick<Cluster, 'port'>, target: Target): number {
  return target.port ?? port
}
