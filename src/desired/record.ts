import type { ServiceObject } from '../kube/objects.ts'
import { canonicalAddress, familyOf } from '../model/address.ts'
import { ALLOCATED_CONDITION } from '../model/names.ts'
import type { Protocol } from '../model/table.ts'

/** What a Service holds: kept in its condition `fairway.dev/Allocated`, which only writers of `services/status` can change. */
export interface AllocationRecord {
  readonly className: string
  /** Canonical, at most one per family. */
  readonly addresses: readonly string[]
  /** `443/TCP`, in the order of the Service's ports: what is held on every one of the addresses. */
  readonly ports: readonly string[]
}

/** `443/TCP`: how a port is written in records and messages. */
export function portText(port: number, protocol: Protocol): string {
  return `${port}/${protocol}`
}

/** The condition's message. `parseRecord` reads it back, so its form is part of what users have stored: it never changes. */
export function formatRecord(record: AllocationRecord): string {
  return `${record.addresses.join(', ')} for ports ${record.ports.join(', ') || 'none'} of class ${record.className}`
}

/** The inverse of `formatRecord`; undefined for anything that it did not write. */
export function parseRecord(message: string): AllocationRecord | undefined {
  const match = /^(\S+(?:, \S+)?) for ports (\S+(?:, \S+)*) of class (\S+)$/.exec(message)
  if (match === null) return undefined
  const [, addresses = '', ports = '', className = ''] = match
  const record = { className, addresses: addresses.split(', '), ports: ports === 'none' ? [] : ports.split(', ') }
  const sound =
    record.addresses.every((address) => canonicalAddress(address) === address) &&
    new Set(record.addresses.map(familyOf)).size === record.addresses.length &&
    record.ports.every((port) => /^\d{1,5}\/(TCP|UDP)$/.test(port))
  return sound ? record : undefined
}

/** What a Service holds now, or undefined when nothing is recorded. */
export function recordOf(service: ServiceObject): AllocationRecord | undefined {
  const condition = service.status.conditions.find(({ type }) => type === ALLOCATED_CONDITION)
  return condition?.status === 'True' ? parseRecord(condition.message) : undefined
}
