import type { Family } from '../model/address.ts'
import { type Demand, type PortDemand, type ServiceProblem, serviceProblem } from './demand.ts'
import { type Conflict, describeClaimant, type Ledger } from './ledger.ts'
import type { PoolIndex } from './pool-index.ts'
import { hasFamily, isOpen, type Pool } from './pools.ts'
import type { Quota } from './quota.ts'
import { formatPort } from './record.ts'

/** Why one thing that a Service asks of a port cannot be had on an address. */
export function takenPort(demand: Demand, address: string, port: PortDemand, conflict: Conflict): ServiceProblem {
  const { host, heldHost } = conflict
  const holder = describeClaimant(conflict.holder)
  if (host === undefined) {
    const what = `asks for port ${port.text} on ${address}, which ${holder} holds`
    return serviceProblem(demand.service, 'PortTaken', what, 'Choose another port or another address', port.text)
  }
  const as = heldHost === host ? '' : ` as ${heldHost}`
  const what = `asks for host ${host} on port ${port.text} of ${address}, which ${holder} holds${as}`
  return serviceProblem(demand.service, 'HostTaken', what, 'Choose another host or another address', port.text)
}

/** Why a requested address cannot be given at all, or undefined. */
export function refuseRequested(
  demand: Demand,
  address: string,
  index: PoolIndex,
  ledger: Ledger,
): ServiceProblem | undefined {
  const { service } = demand
  const pool = index.poolOf(address)
  const open = pool !== undefined && isOpen(pool, service.metadata.namespace)
  if (!open || (demand.pool !== undefined && demand.pool !== pool.name)) {
    const where = demand.pool === undefined ? 'any pool' : `pool "${demand.pool}"`
    const what = `wants address ${address}, which is not in ${where} that it may use`
    return serviceProblem(service, 'AddressOutsidePools', what, `Use one of: ${describePools(index.pools)}`)
  }
  const objector = ledger.objector(address, demand)
  if (objector === undefined) return undefined
  const what = `wants address ${address}, which ${describeClaimant(objector)} does not share with it`
  return serviceProblem(service, 'PortTaken', what, 'Choose another address, or set fairway.dev/sharing on both alike')
}

/** `what` a namespace would have too much. */
export function overQuota(demand: Demand, what: string, quota: Quota, port?: string): ServiceProblem {
  const { namespace } = demand.service.metadata
  const text = `asks for ${what}, and namespace ${namespace} may have ${quota.limitOf(namespace)} frontends of its class`
  const remedy = 'Free frontends of the namespace, or have its quota raised in the configuration'
  return serviceProblem(demand.service, 'QuotaExceeded', text, remedy, port)
}

/** What is to be said of an address that a Service keeps though it would not be given it any more, or undefined. */
export function remarkKept(demand: Demand, address: string, index: PoolIndex): ServiceProblem | undefined {
  const { service, pool: named } = demand
  const pool = index.poolOf(address)
  if (pool === undefined || !isOpen(pool, service.metadata.namespace)) {
    const what = `keeps address ${address}, which is in no pool of its class any more that it may use`
    const remedy = 'Set fairway.dev/address to move, or put the address back into a pool'
    return serviceProblem(service, 'AddressLeftPools', what, remedy)
  }
  if (named === undefined || named === pool.name) return undefined
  const what = `wants pool "${named}", and keeps address ${address} of pool ${pool.name}`
  const remedy = `Set fairway.dev/address to an address of that pool to move, or create the Service anew`
  return serviceProblem(service, 'AddressOutsidePools', what, remedy)
}

/** Why none of some pools has an address for a Service. `families`: those that it lacks there. */
export function explainExhaustion(
  demand: Demand,
  pools: readonly Pool[],
  families: readonly Family[],
  index: PoolIndex,
  ledger: Ledger,
): ServiceProblem {
  const { service } = demand
  if (pools.length === 0 && demand.pool !== undefined) {
    const what = `wants pool "${demand.pool}", which its class does not have or its namespace may not use`
    return serviceProblem(service, 'PoolUnknown', what, `Use one of: ${index.pools.map(({ name }) => name).join(', ')}`)
  }
  if (!pools.some((pool) => families.every((family) => hasFamily(pool, family)))) return noFamily(demand, families)
  const ports = demand.ports.map(formatPort).join(', ')
  const holder = firstHolder(demand, pools, families, index, ledger)
  const what = `gets no address of ${describePools(pools)}: none has ${ports} free${holder}`
  return serviceProblem(service, 'PoolExhausted', what, 'Add addresses to a pool of the class, or free the port')
}

export function noFamily(demand: Demand, missing: readonly Family[]): ServiceProblem {
  const families = demand.families.join(' and ')
  const lacking = missing.length > 1 ? 'both' : missing.join()
  const what = `wants ${families}, and no one pool that it may use has addresses of ${lacking}`
  return serviceProblem(demand.service, 'FamilyUnavailable', what, 'Add a range to a pool, or set fairway.dev/families')
}

/** Somebody who is in the way, for an example. */
function firstHolder(
  demand: Demand,
  pools: readonly Pool[],
  families: readonly Family[],
  index: PoolIndex,
  ledger: Ledger,
): string {
  for (const pool of pools) {
    for (const family of families) {
      const address = index.addressAt(pool, family, 0)
      if (address === undefined) continue
      const conflicts = demand.ports.flatMap((port) => ledger.conflicts(address, port, demand))
      const holder = ledger.objector(address, demand) ?? conflicts[0]?.holder
      if (holder !== undefined) return ` (${address}: ${describeClaimant(holder)})`
    }
  }
  return ''
}

function describePools(pools: readonly Pool[]): string {
  return pools.map(({ name, addresses }) => `${addresses.map(({ text }) => text).join(', ')} (pool ${name})`).join('; ')
}
