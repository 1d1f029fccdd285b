import type { Demand, PortDemand, ServiceProblem } from './demand.ts'
import type { Ledger } from './ledger.ts'
import { takenPort } from './refusals.ts'

/** A port without the hosts that others hold on one of the addresses; undefined when nothing is left of it. Who holds them is told. */
export function freePart(
  port: PortDemand,
  addresses: readonly string[],
  demand: Demand,
  ledger: Ledger,
  problems?: ServiceProblem[],
): PortDemand | undefined {
  let taken: Set<string | undefined> | undefined
  for (const address of addresses) {
    for (const conflict of ledger.conflicts(address, port, demand)) {
      taken ??= new Set()
      if (!taken.has(conflict.host)) problems?.push(takenPort(demand, address, port, conflict))
      taken.add(conflict.host)
    }
  }
  if (taken === undefined) return port
  const hosts = port.hosts.filter((host) => !taken.has(host))
  return hosts.length === 0 ? undefined : { ...port, hosts }
}
