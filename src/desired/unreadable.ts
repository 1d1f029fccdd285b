import type { ServiceObject } from '../kube/objects.ts'
import { canonicalAddress } from '../model/address.ts'
import { ALLOCATED_CONDITION } from '../model/names.ts'
import type { Problem } from '../model/problems.ts'
import { serviceName } from '../model/table.ts'
import type { Demand } from './demand.ts'
import type { Ledger } from './ledger.ts'
import { hasRecord, recordOf } from './record.ts'
import type { Selection } from './select.ts'

/** Whether a Service bears a record of a form that this version does not know. What it holds is known to whoever wrote that, and to nobody here. */
export function hasUnreadableRecord(service: ServiceObject): boolean {
  return hasRecord(service) && recordOf(service) === undefined
}

export function unreadableRecord({ metadata }: ServiceObject): Problem {
  return {
    code: 'RecordUnreadable',
    kind: 'terminal',
    message: `Service ${serviceName(metadata)} holds what another version of Fairway has recorded in a form that this one cannot read; it stays as it is`,
    remedy: 'Go back to the version that wrote it, or to a newer one',
  }
}

/** The addresses that Services may hold by records which cannot be read: all that those speak of, and all that the Services show. */
export function addressesUnread(selections: readonly Selection[]): ReadonlySet<string> {
  return new Set(unreadServices(selections).flatMap(addressesOf))
}

export function unreadServices(selections: readonly Selection[]): readonly ServiceObject[] {
  return selections.flatMap((one) => (one.kind === 'refused' && hasUnreadableRecord(one.service) ? one.service : []))
}

/** Keeps the addresses of such Services from being given to anybody who is not there already. */
export function reserveUnread(services: readonly ServiceObject[], ledger: Ledger): void {
  for (const service of services) {
    const loner: Demand = {
      service,
      addresses: [],
      pool: undefined,
      families: [],
      degradable: true,
      sharing: 'dedicated',
      ports: [],
      record: undefined,
      frozen: true,
      problems: [],
    }
    for (const address of addressesOf(service)) ledger.claim(address, [], loner)
  }
}

/** Of what only those may write who may write the status: an annotation of its owner reserves nothing. */
function addressesOf({ status }: ServiceObject): readonly string[] {
  const record = status.conditions.find(({ type }) => type === ALLOCATED_CONDITION)?.message ?? ''
  const shown = status.loadBalancer.ingress.map(({ ip }) => ip)
  const words = [record, ...shown].flatMap((text) => text?.split(/[^0-9A-Za-z.:]+/) ?? [])
  return [...new Set(words.filter((word) => canonicalAddress(word) === word))]
}
