import { type AddressRange, addressNumber, type Family, inRange, numberAddress } from '../model/address.ts'

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
}

/** The pool that an address belongs to, or undefined. Pools do not overlap. */
export function poolOf(pools: readonly Pool[], address: string): Pool | undefined {
  return pools.find((pool) => pool.addresses.some((range) => inRange(range, address)) && !isAvoided(pool, address))
}

/** Pools from which a Service may get an address without asking for one, in the order to try. */
export function candidatePools(pools: readonly Pool[], namespace: string, named: string | undefined): readonly Pool[] {
  const open = pools.filter(({ namespaces }) => namespaces.length === 0 || namespaces.includes(namespace))
  if (named !== undefined) return open.filter((pool) => pool.name === named)
  const rank = (pool: Pool) => (pool.priority === 0 ? Number.POSITIVE_INFINITY : pool.priority)
  return open.filter((pool) => pool.autoAssign).toSorted((a, b) => rank(a) - rank(b) || 0)
}

/** The addresses of a pool in one family, in the order of its ranges, lowest first; `from` skips that many. */
export function* poolAddresses(pool: Pool, family: Family, from = 0n): Generator<string> {
  let skip = from
  for (const range of pool.addresses) {
    if (range.family !== family) continue
    const size = range.last - range.first + 1n
    for (let value = range.first + skip; value <= range.last; value++) yield numberAddress(family, value)
    skip = skip > size ? skip - size : 0n
  }
}

/** The first address of a pool in one family that it may give at all. */
export function firstAddress(pool: Pool, family: Family): string | undefined {
  for (const address of poolAddresses(pool, family)) {
    if (!isAvoided(pool, address)) return address
  }
  return undefined
}

export function hasFamily(pool: Pool, family: Family): boolean {
  return pool.addresses.some((range) => range.family === family)
}

export function isAvoided(pool: Pool, address: string): boolean {
  if (!pool.avoidEdgeAddresses || address.includes(':')) return false
  const last = addressNumber(address) & 0xffn
  return last === 0n || last === 0xffn
}
