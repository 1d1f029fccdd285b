import { type AddressRange, addressNumber, type Family, familyOf, numberAddress } from '../model/address.ts'

/** A named set of addresses that Services may be given. */
export interface Pool {
  readonly name: string
  readonly addresses: readonly AddressRange[]
  /** False: only for Services that name the pool or one of its addresses. */
  readonly autoAssign: boolean
  /** Never give IPv4 addresses that end in 0 or 255, which some old clients and routers drop. */
  readonly avoidEdgeAddresses: boolean
  /** Whose Services may have addresses of it; empty: all. */
  readonly namespaces: readonly string[]
  /** Lower ones first, 0 last. */
  readonly priority: number
  /** Names of the proxies that have these addresses; empty: all of the class. A Service gets one address of each pool that names proxies. */
  readonly proxies: readonly string[]
}

/** The pool that gives an address, or undefined. Pools do not overlap. */
export function poolOf(pools: readonly Pool[], address: string): Pool | undefined {
  const family = familyOf(address)
  const value = addressNumber(address)
  const has = (range: AddressRange) => range.family === family && range.first <= value && value <= range.last
  return pools.find((pool) => pool.addresses.some(has) && !isAvoided(pool, address))
}

/** Whether Services of a namespace may have addresses of a pool. */
export function isOpen({ namespaces }: Pool, namespace: string): boolean {
  return namespaces.length === 0 || namespaces.includes(namespace)
}

/** Pools from which a Service may get an address without asking for one, in the order to try. */
export function candidatePools(pools: readonly Pool[], namespace: string, named: string | undefined): readonly Pool[] {
  const open = pools.filter((pool) => isOpen(pool, namespace))
  if (named !== undefined) return open.filter((pool) => pool.name === named)
  const rank = (pool: Pool) => (pool.priority === 0 ? Number.POSITIVE_INFINITY : pool.priority)
  return open.filter((pool) => pool.autoAssign).toSorted((a, b) => rank(a) - rank(b) || 0)
}

/** The addresses that a pool gives in one family, in the order of its ranges, lowest first. */
export function* poolAddresses(pool: Pool, family: Family): Generator<string, undefined> {
  for (const range of pool.addresses) {
    if (range.family !== family) continue
    for (let value = range.first; value <= range.last; value++) {
      const address = numberAddress(family, value)
      if (!isAvoided(pool, address)) yield address
    }
  }
  return undefined
}

export function hasFamily(pool: Pool, family: Family): boolean {
  return pool.addresses.some((range) => range.family === family)
}

function isAvoided(pool: Pool, address: string): boolean {
  return pool.avoidEdgeAddresses && (address.endsWith('.0') || address.endsWith('.255'))
}
