import type { Pool } from '../desired/pools.ts'
import { inRange } from '../model/address.ts'
import type { Table } from '../model/table.ts'

/** Whether a proxy of the class shall have an address: its pool may name the proxies. An address that is in no pool any more is everywhere. */
export type Sites = (proxy: string, address: string) => boolean

/** Remembers each address: for one pass. */
export function createSites(pools: readonly Pool[]): Sites {
  if (pools.every(({ proxies }) => proxies.length === 0)) return () => true
  const known = new Map<string, readonly string[]>()
  return (proxy, address) => {
    const proxies = known.get(address) ?? findProxies(pools, address)
    known.set(address, proxies)
    return proxies.length === 0 || proxies.includes(proxy)
  }
}

function findProxies(pools: readonly Pool[], address: string): readonly string[] {
  return pools.find(({ addresses }) => addresses.some((range) => inRange(range, address)))?.proxies ?? []
}

/** Of the proxies that shall have at least one of some addresses. */
export function resultsAt<T extends { readonly proxy: string }>(
  addresses: readonly string[],
  results: readonly T[],
  sites: Sites,
): readonly T[] {
  return results.filter(({ proxy }) => addresses.some((address) => sites(proxy, address)))
}

/** What one proxy shall have of the table of its class. */
export function tableAt(table: Table, proxy: string, sites: Sites): Table {
  const frontends = table.frontends.filter(({ address }) => sites(proxy, address))
  if (frontends.length === table.frontends.length) return table
  const used = new Set(frontends.map(({ group }) => group))
  return { frontends, groups: table.groups.filter(({ id }) => used.has(id)) }
}
