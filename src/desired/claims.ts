import { familyOf } from '../model/address.ts'
import type { Choice } from './choose-addresses.ts'
import type { Demand, Kept, PortDemand } from './demand.ts'
import { freePart } from './free-part.ts'
import type { Ledger } from './ledger.ts'
import type { AllocationRecord, RecordedPort } from './record.ts'
import { overQuota } from './refusals.ts'
import type { Run } from './run.ts'

const NOTHING: Kept = { addresses: [], ports: [] }

/** Claims what a Service holds by its record and still asks for. A lowered quota takes none of it. */
export function keepRecorded(demand: Demand, { ledger, quota }: Run): Kept {
  const { record, service } = demand
  if (record === undefined) return NOTHING
  const addresses = record.addresses.filter((address) => demand.families.includes(familyOf(address)))
  const ports: PortDemand[] = []
  for (const [at, port] of demand.ports.entries()) {
    const held = heldPart(port, findRecorded(record, port, at))
    if (held !== undefined) ports.push(held)
  }
  // One that gives up a family frees its address; one that would be left with none may need what it has.
  for (const address of addresses.length > 0 ? addresses : record.addresses) {
    ledger.claim(address, freeParts(ports, [address], demand, ledger), demand)
  }
  quota.take(service.metadata.namespace, addresses.length * ports.length)
  return { addresses, ports }
}

function freeParts(
  ports: readonly PortDemand[],
  addresses: readonly string[],
  demand: Demand,
  ledger: Ledger,
): readonly PortDemand[] {
  const free: PortDemand[] = []
  for (const port of ports) {
    const part = freePart(port, addresses, demand, ledger)
    if (part !== undefined) free.push(part)
  }
  return free
}

/** What is recorded of a port, which mostly is where it is in the Service. */
function findRecorded({ ports }: AllocationRecord, { text }: PortDemand, at: number): RecordedPort | undefined {
  return ports[at]?.text === text ? ports[at] : ports.find((one) => one.text === text)
}

/** A port with those of its hosts that were its before; undefined when it asks for something new altogether. */
function heldPart(port: PortDemand, before: RecordedPort | undefined): PortDemand | undefined {
  if (before === undefined) return undefined
  const hosts = port.hosts.filter((host) => before.hosts.includes(host))
  if (hosts.length === port.hosts.length) return hosts.length === 0 && before.hosts.length > 0 ? undefined : port
  return hosts.length === 0 ? undefined : { ...port, hosts }
}

/** The ports that a Service is given on all of its addresses; what it is not given is told. */
export function grantPorts(
  addresses: readonly string[],
  { demand, kept, run: { ledger, quota }, problems }: Choice,
): readonly PortDemand[] {
  const { namespace } = demand.service.metadata
  const granted: PortDemand[] = []
  let keptBefore = 0
  for (const port of demand.ports) {
    const part = freePart(port, addresses, demand, ledger, problems)
    const isKept = kept.ports[keptBefore]?.text === port.text
    if (isKept) keptBefore++
    if (part === undefined) continue
    if (isKept) granted.push(part)
    else if (quota.roomOf(namespace) < addresses.length)
      problems.push(overQuota(demand, `port ${port.text}`, quota, port.text))
    else {
      quota.take(namespace, addresses.length)
      granted.push(part)
    }
  }
  return granted
}
