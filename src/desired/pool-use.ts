import { type AddressRange, inRange } from '../model/address.ts'
import type { Desired } from './desire.ts'
import type { Pool } from './pools.ts'
import type { ClassSpec } from './spec.ts'

/** How much of a pool is given away. */
export interface PoolMeasure {
  readonly pool: Pool
  /** Addresses that somebody has. Several Services may share one. */
  readonly used: number
  /** Addresses that it gives at all. */
  readonly size: bigint
}

/** How much of each pool of a class is given away, to Services and to frontends of the configuration. */
export function measurePools(
  spec: Pick<ClassSpec, 'pools' | 'fixed'>,
  desired: Pick<Desired, 'placements'>,
): readonly PoolMeasure[] {
  const taken = new Set([
    ...desired.placements.flatMap(({ addresses }) => addresses),
    ...spec.fixed.flatMap(({ addresses }) => addresses),
  ])
  return spec.pools.map((pool) => ({
    pool,
    used: [...taken].filter((address) => hasAddress(pool, address)).length,
    size: pool.addresses.reduce((sum, range) => sum + sizeOf(range, pool), 0n),
  }))
}

/** The pool that an address is of, whether it may still be given or not. */
export function poolWith(pools: readonly Pool[], address: string): Pool | undefined {
  return pools.find((pool) => hasAddress(pool, address))
}

function hasAddress({ addresses }: Pool, address: string): boolean {
  return addresses.some((range) => inRange(range, address))
}

function sizeOf(range: AddressRange, { avoidEdgeAddresses }: Pool): bigint {
  const all = range.last - range.first + 1n
  if (!avoidEdgeAddresses || range.family === 'IPv6') return all
  return all - countEnding(0n, range) - countEnding(255n, range)
}

/** How many addresses of an IPv4 range end in an octet. */
function countEnding(octet: bigint, { first, last }: AddressRange): bigint {
  const upTo = (value: bigint) => (value < octet ? 0n : (value - octet) / 256n + 1n)
  return upTo(last) - (first === 0n ? 0n : upTo(first - 1n))
}
