import type { ServiceObject } from '../kube/objects.ts'
import { familyOf } from '../model/address.ts'
import { compareLists, createMapper, createSorter, sameElements } from '../model/remember.ts'
import { sameTexts } from '../model/same.ts'
import { compareText } from '../model/table.ts'
import { chooseAddresses, hasEnough } from './choose-addresses.ts'
import { claimKept, grantPorts, keepRecorded } from './claims.ts'
import type { Demand, Kept, PortDemand, ServiceProblem } from './demand.ts'
import { nameOf } from './ledger.ts'
import type { PoolIndex } from './pool-index.ts'
import { formatPort } from './record.ts'
import { remarkKept } from './refusals.ts'
import { type AllocationSpec, type Run, startRun } from './run.ts'
import { reserveUnread } from './unreadable.ts'

/** What a Service is given. Without addresses, `problems` says why. */
export interface Allocation<D extends Demand = Demand> {
  readonly demand: D
  /** Canonical, in the order of the demanded families. */
  readonly addresses: readonly string[]
  /** Held on each of the addresses, with those of the demanded hosts that were to be had. */
  readonly ports: readonly PortDemand[]
  readonly problems: readonly ServiceProblem[]
}

/**
 * Gives addresses and ports to Services. A function of demands and of the class's pools, rules and own frontends: these come first, then what is
 * recorded on Services, then the oldest Service, so that neither a restart nor a newcomer moves anybody. The result is in the order of namespaces
 * and names, and does not depend on the order of the input.
 */
export function allocate<D extends Demand>(demands: readonly D[], spec: AllocationSpec): readonly Allocation<D>[] {
  return createAllocator<D>(spec)(demands)
}

/**
 * Allocates again and again: gives what `allocate` gives, and faster, since most Services have all that they want. What such a one is given is the
 * same object as long as its demand is. `unread` are Services that hold nobody here knows what.
 */
export function createAllocator<D extends Demand>(
  spec: AllocationSpec,
): (demands: readonly D[], unread?: readonly ServiceObject[]) => readonly Allocation<D>[] {
  const readAll = createMapper((demand: D, index: PoolIndex) => readHolding(demand, index))
  const sortAll = createSorter(({ name }: Holding<D>) => name, sortByName)
  let last: Peace<D> | undefined
  return (demands, unread = []) => {
    const start = () => {
      const run = startRun(spec)
      reserveUnread(unread, run.ledger)
      return run
    }
    const run = start()
    const holdings = sortAll(readAll(demands, run.index))
    if (last !== undefined && sameElements(last.unread, unread) && claimTheSame(last, holdings)) {
      last = { ...last, holdings }
      return collect(last)
    }
    if (claimAll(holdings, run)) {
      last = {
        unread,
        holdings,
        given: giveAll(
          holdings.filter(({ content }) => content === undefined),
          run,
        ),
      }
      return collect(last)
    }
    // Two records clash, or one with the configuration: the older Service wins, and nobody can be sure of what is his.
    const again = start()
    claimAll(holdings.toSorted(byAge), again)
    const given = giveAll(holdings, again)
    return holdings.flatMap((one) => given.get(one) ?? [])
  }
}

/** Services that claim nothing of each other, and what those of them were given that do not have all that they want. */
interface Peace<D extends Demand> {
  readonly unread: readonly ServiceObject[]
  readonly holdings: readonly Holding<D>[]
  readonly given: ReadonlyMap<Holding<D>, Allocation<D>>
}

function collect<D extends Demand>({ holdings, given }: Peace<D>): readonly Allocation<D>[] {
  return holdings.flatMap((one) => one.content ?? given.get(one) ?? [])
}

/** Whether all is claimed as it was, so that everybody is given the same again. While nobody waits for anything, it may be less. */
function claimTheSame<D extends Demand>(
  { holdings, given }: Omit<Peace<D>, 'unread'>,
  now: readonly Holding<D>[],
): boolean {
  const { gone, come } = compareLists(holdings, now)
  if (given.size > 0 && gone.length > come.length) return false
  const before = new Map(gone.map((one) => [one.name, one]))
  return come.every((one) => isSameClaim(before.get(one.name), one))
}

function isSameClaim(a: Holding<Demand> | undefined, b: Holding<Demand>): boolean {
  if (a?.content === undefined || b.content === undefined || a.demand.sharing !== b.demand.sharing) return false
  const portsOf = ({ kept }: Holding<Demand>) => kept.ports.map(formatPort)
  return sameTexts(a.kept.addresses, b.kept.addresses) && sameTexts(portsOf(a), portsOf(b))
}

/** What one Service brings along. */
interface Holding<D extends Demand> {
  readonly demand: D
  /** `namespace/name` */
  readonly name: string
  readonly kept: Kept
  /** What it is given if it has all that it wants, and nobody else has any of it. */
  readonly content: Allocation<D> | undefined
}

function readHolding<D extends Demand>(demand: D, index: PoolIndex): Holding<D> {
  const kept = keepRecorded(demand)
  const { record, ports } = demand
  const isContent =
    kept.addresses.length > 0 &&
    kept.addresses.length === record?.addresses.length &&
    sameElements(kept.ports, ports) &&
    hasEnough(kept.addresses, demand, index)
  return {
    demand,
    name: nameOf(demand),
    kept,
    content: isContent ? concluded(demand, kept.addresses, ports, demand.problems, index) : undefined,
  }
}

function sortByName<D extends Demand>(holdings: readonly Holding<D>[]): readonly Holding<D>[] {
  return holdings.toSorted((a, b) => compareText(a.name, b.name))
}

function byAge(a: Holding<Demand>, b: Holding<Demand>): number {
  const [one, other] = [a.demand.service.metadata, b.demand.service.metadata]
  return compareText(one.creationTimestamp ?? '', other.creationTimestamp ?? '') || compareText(a.name, b.name)
}

/** All that is recorded is claimed before anybody gets anything new. Returns whether nothing of it is claimed by two. */
function claimAll(holdings: readonly Holding<Demand>[], run: Run): boolean {
  let isFree = true
  for (const { demand, kept } of holdings) isFree = claimKept(demand, kept, run) && isFree
  return isFree
}

/** Gives to those who wait, the oldest Service first. */
function giveAll<D extends Demand>(waiting: readonly Holding<D>[], run: Run): ReadonlyMap<Holding<D>, Allocation<D>> {
  return new Map(waiting.toSorted(byAge).map((one) => [one, allocateOne(one.demand, one.kept, run)]))
}

/**
 * Gives one Service what it is to have, and gives again on top of that until nothing is added: what was too much at first can fit once it is clear
 * which ports and hosts it is for. So a second run over the result of the first, which begins with what the last round had, adds nothing.
 */
function allocateOne<D extends Demand>(demand: D, recorded: Kept, run: Run): Allocation<D> {
  let kept = recorded
  for (;;) {
    const problems = [...demand.problems]
    const choice = { demand, kept, run, problems }
    const addresses = chooseAddresses(choice)
    const ports = addresses.length === 0 ? [] : grantPorts(addresses, choice)
    // An address without a port is of no use to whoever held nothing before.
    if (addresses.length === 0 || (ports.length === 0 && demand.record === undefined))
      return { demand, addresses: [], ports: [], problems }
    for (const address of addresses) run.ledger.claim(address, ports, demand)
    if (addresses.every((address) => choice.kept.addresses.includes(address)))
      return concluded(demand, addresses, ports, problems, run.index)
    kept = { addresses, ports }
  }
}

function concluded<D extends Demand>(
  demand: D,
  addresses: readonly string[],
  ports: readonly PortDemand[],
  problems: readonly ServiceProblem[],
  index: PoolIndex,
): Allocation<D> {
  const remarks = addresses.flatMap((address) => remarkKept(demand, address, index) ?? [])
  return { demand, addresses: byFamily(addresses, demand), ports, problems: [...problems, ...remarks] }
}

function byFamily(addresses: readonly string[], { families }: Demand): readonly string[] {
  if (addresses.length < 2) return addresses
  return addresses.toSorted((a, b) => families.indexOf(familyOf(a)) - families.indexOf(familyOf(b)))
}
