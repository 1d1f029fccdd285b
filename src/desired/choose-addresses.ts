import { type Family, familyOf } from '../model/address.ts'
import type { Demand, Kept, ServiceProblem } from './demand.ts'
import { type PoolIndex, type Site, siteName } from './pool-index.ts'
import { hasFamily, isOpen, type Pool } from './pools.ts'
import { explainExhaustion, noFamily, overQuota, refuseRequested, takenPort } from './refusals.ts'
import type { Run } from './run.ts'

/** The choice for one Service. What it cannot have is added to `problems`. */
export interface Choice {
  readonly demand: Demand
  readonly kept: Kept
  readonly run: Run
  readonly problems: ServiceProblem[]
}

/** The addresses that a Service is to have: what it keeps, what it asks for, and what it lacks. */
export function chooseAddresses(choice: Choice): readonly string[] {
  const { demand, kept } = choice
  const found = demand.frozen || demand.ports.length === 0 ? kept.addresses : findAddresses(choice)
  // Other families than before, none of which can be had: what is served goes on.
  return found.length > 0 ? found : (demand.record?.addresses ?? [])
}

function findAddresses(choice: Choice): readonly string[] {
  const { demand, kept } = choice
  const requested = moveToRequested(choice)
  // What a newcomer got in place of what it asks for, it would keep.
  if (kept.addresses.length === 0 && requested.length < demand.addresses.length) return []
  const found = addMissing(requested, choice)
  if (kept.addresses.length > 0) return found
  const affordable = limitAddresses(found, choice)
  return demand.degradable || demand.families.every((family) => hasAddress(affordable, family)) ? affordable : []
}

function hasAddress(addresses: readonly string[], family: Family): boolean {
  return addresses.some((address) => familyOf(address) === family)
}

/** For who holds nothing yet: as many addresses as the quota has frontends left, those of each family first, if one port on all were too many. */
function limitAddresses(addresses: readonly string[], { demand, run: { quota }, problems }: Choice): readonly string[] {
  const room = quota.roomOf(demand.service.metadata.namespace)
  // Without any room the ports are refused, one by one.
  if (room === 0 || addresses.length <= room) return addresses
  problems.push(overQuota(demand, `${addresses.length} addresses`, quota))
  const first = demand.families.flatMap((family) => addresses.find((address) => familyOf(address) === family) ?? [])
  return [...new Set([...first, ...addresses])].slice(0, room)
}

/**
 * A requested address replaces what is held of the same site and family, and an address that has left the pools. If something is held at all, then
 * only if the new one can be had with every port: otherwise the Service keeps what it has, and is told. One that holds nothing yet has nothing to
 * lose, and takes what is free there.
 */
function moveToRequested(choice: Choice): readonly string[] {
  const { demand, kept, run, problems } = choice
  let have = kept.addresses
  for (const address of demand.addresses) {
    if (have.includes(address)) continue
    const objections = objectionsTo(address, choice)
    const stay = have.filter((held) => !isReplaced(held, address, demand, run.index))
    if (objections.length === 0 && stay.length === have.length && !takeAddress(choice))
      objections.push(overQuota(demand, `address ${address}`, run.quota))
    problems.push(...objections)
    if (objections.length === 0) have = [...stay, address]
  }
  return have
}

function objectionsTo(address: string, { demand, kept, run: { index, ledger } }: Choice): ServiceProblem[] {
  const refusal = refuseRequested(demand, address, index, ledger)
  if (refusal !== undefined) return [refusal]
  if (kept.addresses.length === 0) return []
  return demand.ports.flatMap((port) =>
    ledger.conflicts(address, port, demand).map((conflict) => takenPort(demand, address, port, conflict)),
  )
}

function isReplaced(held: string, wanted: string, demand: Demand, index: PoolIndex): boolean {
  if (familyOf(held) !== familyOf(wanted)) return false
  const pool = index.poolOf(held)
  return pool === undefined || siteName(pool, demand.pool) === siteName(index.poolOf(wanted), demand.pool)
}

/** Whether the namespace may have the ports that a Service holds on one more address; if so, it has them from now on. */
function takeAddress({ demand, kept, run: { quota } }: Choice): boolean {
  const { namespace } = demand.service.metadata
  const allowed = kept.ports.length <= quota.roomOf(namespace)
  if (allowed) quota.take(namespace, kept.ports.length)
  return allowed
}

/** Adds what is missing at each site. A site that has nothing to give is told of, and the others give. */
function addMissing(had: readonly string[], choice: Choice): readonly string[] {
  const { demand, run, problems } = choice
  const sites = sitesFor(demand, had, run.index)
  const added: string[] = []
  for (const gap of findGaps(had, sites, demand, run.index)) {
    added.push(...fillGap(gap, [...had, ...added], choice))
  }
  const nowhere = demand.families.filter(
    (family) => !sites.some((site) => gives(site, family)) && !hasAddress([...had, ...demand.addresses], family),
  )
  const isTold = sites.length === 1 || (demand.degradable && nowhere.length < demand.families.length)
  if (nowhere.length > 0 && !isTold) problems.push(noFamily(demand, nowhere))
  return added.length === 0 ? had : [...had, ...added]
}

/** What a Service lacks at one site. */
interface Gap {
  readonly site: Site
  /** What it has there. */
  readonly here: readonly string[]
  readonly families: readonly Family[]
}

function findGaps(had: readonly string[], sites: readonly Site[], demand: Demand, index: PoolIndex): readonly Gap[] {
  return sites.flatMap((site) => {
    const here = had.filter((address) => siteName(index.poolOf(address), demand.pool) === site.name)
    const families = demand.families.filter(
      (family) =>
        (sites.length === 1 || gives(site, family)) &&
        !hasAddress(here, family) &&
        !isRequested(family, site, demand, index),
    )
    return families.length === 0 ? [] : { site, here, families }
  })
}

/**
 * One address for each missing family, all from one pool: the one that gave what is there already, so that a second run over the result of the
 * first finds nothing more than the first did.
 */
function fillGap({ site, here, families }: Gap, had: readonly string[], choice: Choice): readonly string[] {
  const { demand, kept, run, problems } = choice
  const homes = homePools(here, demand, run.index)
  const pools = homes.length > 0 ? homes : site.pools
  const offer = run.search.find(demand, kept, pools, families, had)
  if (offer.length === 0 && !(demand.degradable && here.length > 0))
    problems.push(explainExhaustion(demand, pools, families, run.index, run.ledger))
  const granted = offer.filter(() => takeAddress(choice))
  if (granted.length < offer.length) problems.push(overQuota(demand, 'a further address', run.quota))
  return granted
}

/** Whether a Service that has these addresses wants no other. */
export function hasEnough(had: readonly string[], demand: Demand, index: PoolIndex): boolean {
  if (demand.frozen || demand.ports.length === 0) return true
  return (
    demand.addresses.every((address) => had.includes(address)) &&
    demand.families.every((family) => hasAddress(had, family)) &&
    findGaps(had, sitesFor(demand, had, index), demand, index).length === 0
  )
}

/** The sites at which a Service is to have addresses, those of what it has by asking for it included. */
function sitesFor(demand: Demand, had: readonly string[], index: PoolIndex): readonly Site[] {
  const sites = index.sites(demand.service.metadata.namespace, demand.pool)
  const others: Site[] = []
  for (const address of had) {
    const pool = index.poolOf(address)
    const name = siteName(pool, demand.pool)
    const isNew = [...sites, ...others].every((site) => site.name !== name)
    if (isNew && isHome(pool, demand)) others.push({ name, pools: [pool] })
  }
  return others.length === 0 ? sites : [...sites, ...others]
}

/** The pools that gave some addresses, as far as the Service may use them still. */
function homePools(addresses: readonly string[], demand: Demand, index: PoolIndex): readonly Pool[] {
  const pools = new Set(addresses.map((address) => index.poolOf(address)))
  return [...pools].filter((pool) => isHome(pool, demand))
}

function isHome(pool: Pool | undefined, { service }: Demand): pool is Pool {
  return pool !== undefined && isOpen(pool, service.metadata.namespace)
}

function gives({ pools }: Site, family: Family): boolean {
  return pools.some((pool) => hasFamily(pool, family))
}

/** Whether a Service asks for an address there by name: it gets that one or none. */
function isRequested(family: Family, site: Site, demand: Demand, index: PoolIndex): boolean {
  return demand.addresses.some(
    (address) => familyOf(address) === family && siteName(index.poolOf(address), demand.pool) === site.name,
  )
}
