import type { Family } from '../model/address.ts'
import { candidatePools, hasFamily, type Pool, poolAddresses, poolOf } from './pools.ts'

const FAMILIES: readonly Family[] = ['IPv4', 'IPv6']

/**
 * Where a Service gets one address of each family: a pool that names its proxies, since what one machine has no other has; and all other pools
 * together, which are called ''.
 */
export interface Site {
  readonly name: string
  /** In the order to try. */
  readonly pools: readonly Pool[]
}

/** What one allocation asks of the pools again and again, worked out once. */
export interface PoolIndex {
  readonly pools: readonly Pool[]
  /** The pool that gives an address, or undefined. */
  poolOf(address: string): Pool | undefined
  /** The sites for Services of a namespace that ask for no address; at least one, which may be without pools. */
  sites(namespace: string, named: string | undefined): readonly Site[]
  /** One of the addresses that a pool gives, counted from 0; undefined beyond the last. */
  addressAt(pool: Pool, family: Family, index: number): string | undefined
}

export function indexPools(pools: readonly Pool[]): PoolIndex {
  const owners = new Map<string, Pool | undefined>()
  const sites = new Map<string, readonly Site[]>()
  const lists = new Map<string, AddressList>()
  return {
    pools,
    poolOf: (address) => {
      if (!owners.has(address)) owners.set(address, poolOf(pools, address))
      return owners.get(address)
    },
    sites: (namespace, named) =>
      remember(sites, named === undefined ? namespace : `${namespace}/${named}`, () => {
        const candidates = candidatePools(pools, namespace, named)
        return named === undefined ? groupBySite(candidates) : [{ name: '', pools: candidates }]
      }),
    addressAt: (pool, family, index) =>
      readAt(
        remember(lists, `${family} ${pool.name}`, () => ({ known: [], rest: poolAddresses(pool, family) })),
        index,
      ),
  }
}

/**
 * The site of an address, by the pool that gives it. For a Service that names its pool there is one site only: what it got before it named that
 * pool, it keeps instead.
 */
export function siteName(pool: Pool | undefined, named: string | undefined): string {
  return named !== undefined || pool === undefined || pool.proxies.length === 0 ? '' : pool.name
}

/** Those with both families first: who needs both, and finds its hosts free in part only, must not be bound by what it got elsewhere. */
function groupBySite(pools: readonly Pool[]): readonly Site[] {
  const groups = Map.groupBy(pools, (pool) => siteName(pool, undefined))
  if (groups.size === 0) return [{ name: '', pools }]
  const sites = [...groups].map(([name, own]) => ({ name, pools: own }))
  const isWhole = (site: Site) => FAMILIES.every((family) => site.pools.some((pool) => hasFamily(pool, family)))
  return [...sites.filter(isWhole), ...sites.filter((site) => !isWhole(site))]
}

/** The addresses of a pool as far as anybody has asked for them: a range can be too long to be written out. */
interface AddressList {
  readonly known: string[]
  readonly rest: Generator<string, undefined>
}

function readAt({ known, rest }: AddressList, index: number): string | undefined {
  while (known.length <= index) {
    const next = rest.next()
    if (next.done === true) return undefined
    known.push(next.value)
  }
  return known[index]
}

function remember<V extends object>(known: Map<string, V>, key: string, find: () => V): V {
  const value = known.get(key) ?? find()
  known.set(key, value)
  return value
}
