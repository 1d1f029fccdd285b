import { readDefault } from './annotations.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { indexPools, type PoolIndex } from './pool-index.ts'
import { createQuota, type Quota } from './quota.ts'
import { createSearch, type Search } from './search.ts'
import type { ClassSpec } from './spec.ts'

/** What an allocation depends on beside the demands. */
export type AllocationSpec = Pick<ClassSpec, 'pools' | 'rules' | 'fixed'>

/** Everything that one run of an allocation knows. */
export interface Run {
  readonly index: PoolIndex
  readonly ledger: Ledger
  readonly quota: Quota
  readonly search: Search
}

/** Begins a run: what the configuration itself serves is claimed before any Service is heard. */
export function startRun({ pools, rules, fixed }: AllocationSpec): Run {
  const index = indexPools(pools)
  const ledger = createLedger()
  for (const frontend of fixed) {
    const { addresses, port, protocol, settings } = frontend
    const hosts = (protocol === 'TCP' ? readDefault(settings, 'hosts') : undefined) ?? []
    for (const address of addresses) ledger.claim(address, [{ port, protocol, hosts }], frontend)
  }
  return { index, ledger, quota: createQuota(rules.quota), search: createSearch(index, ledger) }
}
