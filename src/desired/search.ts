import type { Family } from '../model/address.ts'
import type { Demand, Kept, PortDemand } from './demand.ts'
import { freePart } from './free-part.ts'
import type { Ledger } from './ledger.ts'
import type { PoolIndex } from './pool-index.ts'
import type { Pool } from './pools.ts'
import { formatPort } from './record.ts'

/** Finds free addresses, while one allocation runs. */
export interface Search {
  /**
   * One address of each of the families, all from one pool: the first that has them all, with all hosts if that can be. Where none has them all,
   * part of them for a Service that makes do with part, otherwise nothing. It costs the Service nothing of what it has; one that has nothing yet
   * may get less on the addresses `had`, which it is to have besides.
   */
  find(
    demand: Demand,
    kept: Kept,
    pools: readonly Pool[],
    families: readonly Family[],
    had: readonly string[],
  ): readonly string[]
}

/** What must be free of a port: all of it, or any of its hosts. */
interface Need {
  readonly port: PortDemand
  readonly any: boolean
}

/** What must be free on the next address, after those that were found for other families. */
type Needs = (found: readonly string[]) => readonly Need[]

interface Query {
  readonly demand: Demand
  readonly needs: Needs
  readonly pool: Pool
}

/** What a search knows. `passed`: how far it came for equal needs. Claims only grow, so what was passed over is nothing for the next one either. */
interface Known {
  readonly index: PoolIndex
  readonly ledger: Ledger
  readonly passed: Map<string, number>
}

export function createSearch(index: PoolIndex, ledger: Ledger): Search {
  const known: Known = { index, ledger, passed: new Map() }
  return {
    find: (demand, kept, pools, families, had) => {
      let some: readonly string[] = []
      for (const needs of [wholePorts(demand), partOfPorts(demand, kept, had, ledger)]) {
        for (const pool of pools) {
          const offer = findIn({ demand, needs, pool }, families, [], known)
          if (offer.length === families.length) return offer
          if (some.length === 0) some = offer
        }
      }
      return demand.degradable ? some : []
    },
  }
}

/** All that is asked for. */
function wholePorts({ ports }: Demand): Needs {
  const needs = ports.map((port) => ({ port, any: false }))
  return () => needs
}

/** What a Service has; for one that has nothing yet, some of the hosts of each port, the same ones on all of its addresses. */
function partOfPorts(demand: Demand, kept: Kept, had: readonly string[], ledger: Ledger): Needs {
  if (kept.addresses.length > 0) {
    const needs = kept.ports.map((port) => ({ port, any: false }))
    return () => needs
  }
  return (found) =>
    demand.ports.map((port) => {
      const left = freePart(port, [...had, ...found], demand, ledger)
      return left === undefined ? { port, any: false } : { port: left, any: left.hosts.length > 1 }
    })
}

/** One address of each family, or of those that have any. */
function findIn(
  query: Query,
  [family, ...others]: readonly Family[],
  found: readonly string[],
  known: Known,
): readonly string[] {
  if (family === undefined) return []
  const needs = query.needs(found)
  let some: readonly string[] | undefined
  for (const address of freeAddresses(query, needs, family, known)) {
    const rest = findIn(query, others, [...found, address], known)
    if (rest.length === others.length) return [address, ...rest]
    some ??= [address, ...rest]
    // Other addresses may have other hosts free, which go together with those of another family. This one has them all.
    if (needs.every(({ port }) => known.ledger.conflicts(address, port, query.demand).length === 0)) break
  }
  return some ?? findIn(query, others, found, known)
}

/** The addresses of a pool on which everybody agrees to share and what is needed is free, lowest first. */
function* freeAddresses(
  { demand, pool }: Query,
  needs: readonly Need[],
  family: Family,
  { index, ledger, passed }: Known,
): Generator<string> {
  const key = `${family} ${pool.name} ${likeness(demand, needs)}`
  let isFirst = true
  for (let at = passed.get(key) ?? 0; ; at++) {
    const address = index.addressAt(pool, family, at)
    if (address !== undefined && !suits(demand, needs, address, ledger)) continue
    if (isFirst) passed.set(key, at)
    if (address === undefined) return
    isFirst = false
    yield address
  }
}

/** Equal where an address is free or taken alike, as long as who asks holds nothing. */
function likeness({ sharing, service }: Demand, needs: readonly Need[]): string {
  // Who wants an address alone does not ask who is there.
  const namespace = sharing === 'dedicated' ? '' : service.metadata.namespace
  return `${sharing} ${namespace} ${needs.map(({ port, any }) => `${formatPort(port)}${any ? '?' : ''}`).join(' ')}`
}

function suits(demand: Demand, needs: readonly Need[], address: string, ledger: Ledger): boolean {
  if (ledger.objector(address, demand) !== undefined) return false
  return needs.every(({ port, any }) => {
    const taken = ledger.conflicts(address, port, demand).length
    return taken === 0 || (any && taken < port.hosts.length)
  })
}
