import { familyOf } from '../model/address.ts'
import { compareText } from '../model/table.ts'
import { chooseAddresses } from './choose-addresses.ts'
import { grantPorts, keepRecorded } from './claims.ts'
import type { Demand, Kept, PortDemand, ServiceProblem } from './demand.ts'
import { byName } from './ledger.ts'
import { remarkKept } from './refusals.ts'
import { type AllocationSpec, type Run, startRun } from './run.ts'

/** What a Service is given. Without addresses, `problems` says why. */
export interface Allocation {
  readonly demand: Demand
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
export function allocate(demands: readonly Demand[], spec: AllocationSpec): readonly Allocation[] {
  const run = startRun(spec)
  const ordered = demands.toSorted(byAge)
  // All that is recorded is claimed before anybody gets anything new.
  const known = ordered.map((demand) => ({ demand, kept: keepRecorded(demand, run) }))
  return known.map(({ demand, kept }) => allocateOne(demand, kept, run)).toSorted((a, b) => byName(a.demand, b.demand))
}

function byAge(a: Demand, b: Demand): number {
  const created = compareText(a.service.metadata.creationTimestamp ?? '', b.service.metadata.creationTimestamp ?? '')
  return created || byName(a, b)
}

/**
 * Gives one Service what it is to have, and gives again on top of that until nothing is added: what was too much at first can fit once it is clear
 * which ports and hosts it is for. So a second run over the result of the first, which begins with what the last round had, adds nothing.
 */
function allocateOne(demand: Demand, recorded: Kept, run: Run): Allocation {
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
    if (addresses.every((address) => choice.kept.addresses.includes(address))) {
      problems.push(...addresses.flatMap((address) => remarkKept(demand, address, run.index) ?? []))
      return { demand, addresses: byFamily(addresses, demand), ports, problems }
    }
    kept = { addresses, ports }
  }
}

function byFamily(addresses: readonly string[], { families }: Demand): readonly string[] {
  if (addresses.length < 2) return addresses
  return addresses.toSorted((a, b) => families.indexOf(familyOf(a)) - families.indexOf(familyOf(b)))
}
