import { candidatePools, poolAddresses } from '../desired/pools.ts'
import type { Family } from '../model/address.ts'
import type { FrontendConfig, PoolConfig } from './schema.ts'

const FAMILIES: readonly Family[] = ['IPv4', 'IPv6']

/** Whether a proxy has the addresses of a pool: of one that names proxies, only those do. */
export function hasPool(proxy: string, { proxies }: Pick<PoolConfig, 'proxies'>): boolean {
  return proxies.length === 0 || proxies.includes(proxy)
}

/**
 * Where a frontend of the configuration listens: at the addresses that it names, else at the first address of each family of the first pool that gives
 * addresses to everybody unasked. Empty when there is no such pool.
 */
export function frontendAddresses(frontend: FrontendConfig, pools: readonly PoolConfig[]): readonly string[] {
  if (frontend.addresses !== undefined) return frontend.addresses
  if (frontend.address !== undefined) return [frontend.address]
  // It belongs to no namespace, so pools that are for some only are closed to it.
  const [pool] = candidatePools(pools, '', undefined)
  return pool === undefined ? [] : FAMILIES.flatMap((family) => poolAddresses(pool, family).next().value ?? [])
}
