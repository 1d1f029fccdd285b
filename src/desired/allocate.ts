import { type Family, familyOf } from '../model/address.ts'
import { compareText } from '../model/table.ts'
import { type Demand, type PortDemand, type ServiceProblem, serviceProblem } from './demand.ts'
import { createLedger, type Ledger, nameOf } from './ledger.ts'
import { candidatePools, firstAddress, hasFamily, isAvoided, type Pool, poolAddresses, poolOf } from './pools.ts'

/** What a Service is given. Without addresses, `problems` says why. */
export interface Allocation {
  readonly demand: Demand
  /** Canonical, in the order of the demanded families. */
  readonly addresses: readonly string[]
  /** Held on each of the addresses. */
  readonly ports: readonly PortDemand[]
  readonly problems: readonly ServiceProblem[]
}

/** Everything one run knows; `tried` remembers how far the search for equal demands came, since claims only grow. */
interface Run {
  readonly pools: readonly Pool[]
  readonly ledger: Ledger
  readonly tried: Map<string, bigint>
}

/**
 * Gives addresses and ports to Services. A function of demands and pools: what is recorded on Services comes first, then the oldest Service,
 * so that neither a restart nor a newcomer moves anybody. The result is in the order of service names and does not depend on the input's.
 */
export function allocate(demands: readonly Demand[], pools: readonly Pool[]): readonly Allocation[] {
  const run: Run = { pools, ledger: createLedger(), tried: new Map() }
  const ordered = demands.toSorted(byAge)
  const kept = new Map(ordered.map((demand) => [demand, keepRecorded(demand, run.ledger)]))
  const recordedFirst = [
    ...ordered.filter(({ record }) => record !== undefined),
    ...ordered.filter(({ record }) => record === undefined),
  ]
  return recordedFirst
    .map((demand) => allocateOne(demand, kept.get(demand) ?? [], run))
    .toSorted((a, b) => compareText(nameOf(a.demand), nameOf(b.demand)))
}

function byAge(a: Demand, b: Demand): number {
  const created = compareText(a.service.metadata.creationTimestamp ?? '', b.service.metadata.creationTimestamp ?? '')
  return created || compareText(nameOf(a), nameOf(b))
}

/** Claims what the Service already holds and still asks for, before anybody gets anything new. */
function keepRecorded(demand: Demand, ledger: Ledger): readonly string[] {
  const { record } = demand
  if (record === undefined) return []
  const ports = demand.ports.map(({ text }) => text).filter((text) => record.ports.includes(text))
  const kept = record.addresses.filter((address) => demand.families.includes(familyOf(address)))
  // One that gives up a family frees its address; one that would be left with none may need what it has.
  for (const address of kept.length > 0 ? kept : record.addresses) {
    const free = ports.filter((port) => ledger.holder(address, port, demand) === undefined)
    ledger.claim(address, free, demand)
  }
  return kept
}

function allocateOne(demand: Demand, kept: readonly string[], run: Run): Allocation {
  const problems = [...demand.problems]
  if (demand.ports.length === 0 && kept.length === 0) return { demand, addresses: [], ports: [], problems }
  const found =
    demand.addresses.length > 0 ? moveToRequested(demand, kept, run, problems) : addMissing(demand, kept, run, problems)
  // Other families than before, none of which can be had: what is served goes on.
  const addresses = found.length > 0 ? found : (demand.record?.addresses ?? [])
  const ports = demand.ports.filter((port) => {
    const taken = findHolder(demand, addresses, port, run.ledger)
    if (taken !== undefined) problems.push(taken)
    return taken === undefined
  })
  if (addresses.length > 0 && ports.length === 0 && demand.record === undefined)
    return { demand, addresses: [], ports: [], problems }
  for (const address of addresses)
    run.ledger.claim(
      address,
      ports.map(({ text }) => text),
      demand,
    )
  const order = (address: string) => demand.families.indexOf(familyOf(address))
  return { demand, addresses: addresses.toSorted((a, b) => order(a) - order(b)), ports, problems }
}

function findHolder(
  demand: Demand,
  addresses: readonly string[],
  port: PortDemand,
  ledger: Ledger,
): ServiceProblem | undefined {
  for (const address of addresses) {
    const holder = ledger.holder(address, port.text, demand)
    if (holder === undefined) continue
    const what = `asks for port ${port.text} on ${address}, which Service ${nameOf(holder)} holds`
    return serviceProblem(demand.service, 'PortTaken', what, 'Choose another port or another address', port.text)
  }
  return undefined
}

/**
 * A requested address replaces a held one only if it can be had with every port; otherwise the Service keeps what it has, and is told. One that
 * holds nothing yet has nothing to lose, and takes the ports that are free.
 */
function moveToRequested(
  demand: Demand,
  kept: readonly string[],
  run: Run,
  problems: ServiceProblem[],
): readonly string[] {
  const granted = demand.addresses.filter((address) => {
    if (kept.includes(address)) return true
    const refusal = refuseRequested(demand, address, run)
    const taken = demand.ports.flatMap((port) => findHolder(demand, [address], port, run.ledger) ?? [])
    const objections = refusal === undefined ? (kept.length > 0 ? taken : []) : [refusal]
    problems.push(...objections)
    return objections.length === 0
  })
  const families = new Set(granted.map(familyOf))
  return [...granted, ...kept.filter((address) => !families.has(familyOf(address)))]
}

function refuseRequested(demand: Demand, address: string, { pools, ledger }: Run): ServiceProblem | undefined {
  const { service } = demand
  const pool = poolOf(pools, address)
  const open = pool !== undefined && candidatePools(pools, service.metadata.namespace, pool.name).length > 0
  if (!open || (demand.pool !== undefined && demand.pool !== pool.name)) {
    const where = demand.pool === undefined ? 'any pool' : `pool "${demand.pool}"`
    const what = `wants address ${address}, which is not in ${where} that it may use`
    return serviceProblem(service, 'AddressOutsidePools', what, `Use one of: ${describePools(pools)}`)
  }
  const objector = ledger.objector(address, demand)
  if (objector === undefined) return undefined
  const what = `wants address ${address}, which Service ${nameOf(objector)} does not share with it`
  return serviceProblem(service, 'PortTaken', what, 'Choose another address, or set fairway.dev/sharing on both alike')
}

function describePools(pools: readonly Pool[]): string {
  return pools.map(({ name, addresses }) => `${addresses.map(({ text }) => text).join(', ')} (pool ${name})`).join('; ')
}

/**
 * Adds an address for each family that has none, all from one pool: the one that gave what is kept, so that a second run over the result of the
 * first finds nothing more than the first did.
 */
function addMissing(demand: Demand, kept: readonly string[], run: Run, problems: ServiceProblem[]): readonly string[] {
  const missing = demand.families.filter((family) => !kept.some((address) => familyOf(address) === family))
  if (missing.length === 0) return kept
  const { namespace } = demand.service.metadata
  const homes = kept.flatMap((address) => candidatePools(run.pools, namespace, poolOf(run.pools, address)?.name ?? ''))
  const candidates = homes.length > 0 ? homes : candidatePools(run.pools, namespace, demand.pool)
  const offers = candidates.map((pool) => missing.flatMap((family) => findFree(demand, pool, family, run) ?? []))
  const full = offers.find((offer) => offer.length === missing.length)
  if (full !== undefined) return [...kept, ...full]
  const partial = demand.degradable ? offers.find((offer) => offer.length > 0) : undefined
  if (partial !== undefined || (demand.degradable && kept.length > 0)) return [...kept, ...(partial ?? [])]
  problems.push(explainExhaustion(demand, candidates, missing, run))
  return kept
}

/** The first address of a pool on which every port is free and everybody agrees to share. */
function findFree(demand: Demand, pool: Pool, family: Family, { ledger, tried }: Run): string | undefined {
  const ports = demand.ports.map(({ text }) => text)
  const key = [pool.name, family, demand.sharing, demand.service.metadata.namespace, ...ports].join(' ')
  let skipped = tried.get(key) ?? 0n
  for (const address of poolAddresses(pool, family, skipped)) {
    const fits =
      !isAvoided(pool, address) &&
      ledger.objector(address, demand) === undefined &&
      ports.every((port) => ledger.holder(address, port, demand) === undefined)
    if (fits) {
      tried.set(key, skipped)
      return address
    }
    skipped++
  }
  tried.set(key, skipped)
  return undefined
}

function explainExhaustion(
  demand: Demand,
  candidates: readonly Pool[],
  missing: readonly Family[],
  run: Run,
): ServiceProblem {
  const { service } = demand
  if (candidates.length === 0 && demand.pool !== undefined) {
    const what = `wants pool "${demand.pool}", which its class does not have or its namespace may not use`
    return serviceProblem(service, 'PoolUnknown', what, `Use one of: ${run.pools.map(({ name }) => name).join(', ')}`)
  }
  if (!candidates.some((pool) => missing.every((family) => hasFamily(pool, family)))) {
    const families = demand.families.join(' and ')
    const what = `wants ${families}, and no one pool that it may use has addresses of ${missing.length > 1 ? 'both' : missing.join()}`
    return serviceProblem(service, 'FamilyUnavailable', what, 'Add a range to a pool, or set fairway.dev/families')
  }
  const holder = firstHolder(demand, candidates, missing, run)
  const what = `gets no address: no address of ${describePools(candidates)} has ${demand.ports.map(({ text }) => text).join(', ')} free${holder}`
  return serviceProblem(service, 'PoolExhausted', what, 'Add addresses to a pool of the class, or free the port')
}

function firstHolder(demand: Demand, candidates: readonly Pool[], missing: readonly Family[], { ledger }: Run): string {
  for (const pool of candidates) {
    for (const family of missing) {
      const address = firstAddress(pool, family)
      if (address === undefined) continue
      const holders = demand.ports.map(({ text }) => ledger.holder(address, text, demand))
      const holder = ledger.objector(address, demand) ?? holders.find((one) => one !== undefined)
      if (holder !== undefined) return ` (${address}: Service ${nameOf(holder)})`
    }
  }
  return ''
}
