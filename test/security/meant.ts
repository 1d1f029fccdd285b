/** From hostile cases to what one machine is to serve of them, and to what that means in words that no program has. */
import type { ClassSpec } from '../../src/desired/spec.ts'
import { createSpeaker } from '../../src/drivers/edge/sayable.ts'
import { arbitrate, type OwnedTable } from '../../src/edge/arbitrate.ts'
import type { BoundFrontend, EngineState } from '../../src/edge/engines/engine.ts'
import { isWildcard } from '../../src/edge/sockets.ts'
import { familyOf, hostPort } from '../../src/model/address.ts'
import { tableSchema } from '../../src/model/edge-wire.ts'
import { hostsOverlap } from '../../src/model/hosts.ts'
import { compareText, makeTable, type ProxyProtocol } from '../../src/model/table.ts'
import { desire, pool, rangeOf } from '../support/builders.ts'
import { rules } from '../unit/edge/builders.ts'
import type { HostileCluster, RawPart } from './hostile.ts'

export type HostileCase = { readonly cluster: HostileCluster } | { readonly raw: RawPart }

/** Two addresses of each family that no other case of a batch has. */
function addressesOf(at: number): readonly string[] {
  const v4 = `198.18.${at >> 6}.${(at & 63) * 4}`
  const v6 = `2001:db8:2:${(at + 1).toString(16)}::`
  return [v4, v4.replace(/\d+$/, (last) => `${Number(last) + 1}`), `${v6}1`, `${v6}2`]
}

const RULES = rules({
  addresses: [rangeOf('198.18.0.0/16'), rangeOf('2001:db8:2::/48')],
  quota: { frontends: 100_000, entries: 1_000_000, targets: 1_000_000 },
})

/** The way of a Service's wishes to the machine: the operator's table, in words of the API, and what the edge makes of it. */
function tableOf({ services, nodes, slices }: HostileCluster, at: number): OwnedTable {
  const spec: Partial<ClassSpec> = { pools: [pool('main', addressesOf(at))], podRanges: [rangeOf('10.244.0.0/16')] }
  const slicesOf: Parameters<typeof desire>[2] = {
    nodes,
    slicesOf: ({ name }) => slices.filter((one) => one.service === name),
  }
  const said = createSpeaker('edge-1')(desire(services, spec, slicesOf).table).table
  const { frontends, groups } = tableSchema.parse(JSON.parse(JSON.stringify(said)))
  return { owner: { cluster: 'prod', className: `c${at}` }, table: makeTable(frontends, groups) }
}

/** All that one machine is to serve of the cases of a batch. */
export function stateOf(cases: readonly HostileCase[]): EngineState {
  const tables = cases.flatMap((one, at) => ('cluster' in one ? [tableOf(one.cluster, at)] : []))
  const { state } = arbitrate({ fixed: [], tables, order: [], rules: RULES })
  const raws = cases.flatMap((one, at) => ('raw' in one ? [one.raw(addressesOf(at), `raw.c${at}`)] : []))
  const frontends = [...state.frontends, ...tellApart(raws.flatMap((one) => one.frontends))]
  return {
    frontends: frontends.toSorted((a, b) => compareText(a.id, b.id)),
    groups: new Map([...state.groups, ...raws.flatMap(({ groups }) => [...groups])]),
  }
}

/** Whatever its protocol is called. */
function keyOf({ bindAddress, frontend: { port, protocol } }: BoundFrontend): string {
  return [protocol, bindAddress, port].join(' ')
}

/** Without frontends that are in each other's way: that much the edge's arbitration promises of any input. */
function tellApart(frontends: readonly BoundFrontend[]): readonly BoundFrontend[] {
  const bySocket = new Map<string, BoundFrontend[]>()
  for (const one of frontends) {
    const kept = bySocket.get(keyOf(one)) ?? []
    bySocket.set(keyOf(one), kept)
    const isInTheWay = kept.some(({ frontend }) => hostsOverlap(frontend.hosts, one.frontend.hosts))
    if (!isInTheWay && !isWildcard(one.bindAddress)) kept.push(one)
  }
  return [...bySocket.values()].flat()
}

/** What is said of one frontend by a program, or by what it was to be told. */
export interface Reading {
  /** `tcp 198.18.0.1:443` */
  readonly socket: string
  readonly hosts: readonly string[]
  /** Empty: everybody is served. */
  readonly sources: readonly string[] | 'nobody'
  /** `10.0.0.1:30443` */
  readonly targets: readonly string[]
  readonly proxyProtocol: ProxyProtocol
  readonly limit: number | undefined
}

/** Readings as lines, sorted. Who leads to nobody has nothing but its socket and its hosts; without hosts beside others, not even that. */
export function linesOf(readings: readonly Reading[]): readonly string[] {
  const shared = new Set(readings.flatMap(({ socket, hosts }) => (hosts.length > 0 ? socket : [])))
  return readings.flatMap((one) => (one.targets.length > 0 ? lineOf(one) : idleLines(one, shared))).toSorted()
}

function idleLines({ socket, hosts }: Reading, shared: ReadonlySet<string>): readonly string[] {
  if (hosts.length === 0) return shared.has(socket) ? [] : [`${socket} to nobody`]
  return hosts.map((host) => `${socket} #${host} to nobody`)
}

function lineOf({ socket, hosts, sources, targets, proxyProtocol, limit }: Reading): string {
  // A client has the family of its socket, so that ranges of the other one are of no use.
  const family = familyOf(socket.slice(0, socket.lastIndexOf(':')))
  const own = sources === 'nobody' ? [] : sources.filter((one) => familyOf(one) === family)
  const from = sources.length === 0 ? 'all' : own.toSorted().join(',') || 'nobody'
  const head = [socket, ...hosts.toSorted()].join(' #')
  return `${head} from ${from} to ${targets.toSorted().join(',')} with ${proxyProtocol}, at most ${limit ?? 'any'}`
}

/** What is meant by the frontends of a state that are not refused. */
export function meantBy({ frontends, groups }: EngineState, refused: ReadonlySet<string>): readonly Reading[] {
  const kept = frontends.filter(({ id }) => !refused.has(id))
  return kept.map(({ bindAddress, frontend: one }) => ({
    socket: `${one.protocol.toLowerCase()} ${hostPort(bindAddress, one.port)}`,
    hosts: one.hosts,
    sources: one.sourceRanges,
    targets: (groups.get(one.group)?.targets ?? []).map(({ address, port }) =>
      hostPort(address, port ?? one.targetPort),
    ),
    proxyProtocol: one.proxyProtocol,
    limit: one.maxConnections,
  }))
}
