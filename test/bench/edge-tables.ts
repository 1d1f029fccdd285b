/** What a cluster of 1,000 nodes asks of a proxy, at any number of frontends, as desired state makes it; moved to loopback, where this machine can serve it. */
import type { NodeObject } from '../../src/kube/objects.ts'
import { type Frontend, makeTable, type Table, type TargetGroup } from '../../src/model/table.ts'
import { desire, pool } from '../support/builders.ts'
import { POOL, readyNodes, serviceListText, servicesOf } from './world.ts'

const NODES = 1_000
const MAX_TARGETS = 16
/** Each Service of world.ts has two ports. */
export const PORTS = 2
/** Those of world.ts begin at 1,000, where only root may bind. */
const PORTS_UP = 10_000
const AUTOSCALER_TAINT = 'ToBeDeletedByClusterAutoscaler'

/** Names of nodes. */
export interface NodeChanges {
  /** Came back with another address. */
  readonly moved: readonly string[]
  readonly leaving: readonly string[]
  readonly gone: readonly string[]
}

export const NO_CHANGES: NodeChanges = { moved: [], leaving: [], gone: [] }

export interface Cluster {
  readonly services: number
  /** The table of so many Services, after what has become of the nodes. */
  readonly table: (services: number, changes: NodeChanges) => Table
  /** Nodes in the order in which they change most of a table: those that most groups have come first. */
  readonly busiest: readonly string[]
}

/** A cluster with so many Services, and some more to come. `checkPort`: where all nodes say that they are well, in place of kube-proxy's port. */
export function createCluster(services: number, spare: number, checkPort: number): Cluster {
  const all = servicesOf(serviceListText(services + spare))
  const nodes = readyNodes(NODES)
  // A pass gives what has not changed as the same objects as before, and drivers rely on it.
  const [sameFrontend, sameGroup] = [createInterner<Frontend>(), createInterner<TargetGroup>()]
  const spec = { maxTargets: MAX_TARGETS, pools: [pool('main', [POOL])] }
  const table: Cluster['table'] = (count, changes) => {
    const state = { nodes: nodes.flatMap((node) => changeNode(node, changes)) }
    const desired = desire(all.slice(0, count), spec, state)
    if (desired.table.frontends.length !== PORTS * count) throw new Error('not every Service has its frontends')
    const { frontends, groups } = onLoopback(desired.table, checkPort)
    return { frontends: frontends.map(sameFrontend), groups: groups.map(sameGroup) }
  }
  const names = table(services, NO_CHANGES).groups.flatMap(({ targets }) => targets.map(({ name }) => name))
  const counts = [...Map.groupBy(names, (name) => name)].toSorted(([, a], [, b]) => b.length - a.length)
  return { services, table, busiest: counts.map(([name]) => name) }
}

function changeNode(node: NodeObject, { moved, leaving, gone }: NodeChanges): NodeObject | readonly [] {
  const { name } = node.metadata
  if (gone.includes(name)) return []
  const addresses = moved.includes(name)
    ? node.status.addresses.map((one) => ({ ...one, address: one.address.replace(/\d+$/, '2') }))
    : node.status.addresses
  const taints = leaving.includes(name) ? [{ key: AUTOSCALER_TAINT, effect: 'NoSchedule' as const }] : node.spec.taints
  return { ...node, spec: { ...node.spec, taints }, status: { ...node.status, addresses } }
}

function onLoopback({ frontends, groups }: Table, checkPort: number): Table {
  return makeTable(
    frontends.map(({ address, port, healthCheck, ...rest }) => ({
      ...rest,
      address: moveAddress(address),
      port: port + PORTS_UP,
      healthCheck: healthCheck && { ...healthCheck, port: checkPort },
    })),
    groups.map(({ id, targets }) => ({
      id,
      targets: targets.map((target) => ({ ...target, address: moveAddress(target.address) })),
    })),
  )
}

/** Gives the first of all values that say the same. */
function createInterner<T>(): (value: T) => T {
  const known = new Map<string, T>()
  return (value) => {
    const text = JSON.stringify(value)
    const first = known.get(text) ?? value
    known.set(text, first)
    return first
  }
}

function moveAddress(address: string): string {
  return address.replace(/^10\./, '127.')
}
