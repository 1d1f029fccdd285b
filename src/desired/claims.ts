import { familyOf } from '../model/address.ts'
import type { Choice } from './choose-addresses.ts'
import type { Demand, Kept, PortDemand } from './demand.ts'
import { freePart } from './free-part.ts'
import type { AllocationRecord, RecordedPort } from './record.ts'
import { overQuota } from './refusals.ts'
import type { Run } from './run.ts'

const NOTHING: Kept = { addresses: [], ports: [] }

/** What a Service has by its record and still asks for. */
export function keepRecorded(demand: Demand): Kept {
  const { record, families } = demand
  if (record === undefined) return NOTHING
  const ports: PortDemand[] = []
  for (const [at, port] of demand.ports.entries()) {
    const held = heldPart(port, findRecorded(record, port, at))
    if (held !== undefined) ports.push(held)
  }
  return { addresses: record.addresses.filter((address) => families.includes(familyOf(address))), ports }
}

/** Claims what a Service has. A lowered quota takes none of it. Returns whether nobody else had any of it. */
export function claimKept(demand: Demand, { addresses, ports }: Kept, { ledger, quota }: Run): boolean {
  const { record, service } = demand
  let isFree = true
  // One that gives up a family frees its address; one that would be left with none may need what it has.
  for (const address of addresses.length > 0 ? addresses : (record?.addresses ?? [])) {
    isFree = ledger.claim(address, ports, demand) && isFree
  }
  quota.take(service.metadata.namespace, addresses.length * ports.length)
  return isFree
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
