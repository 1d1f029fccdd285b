// What becomes of Services in class `public`, in few words.
import { type Allocation, allocate } from '../../src/desired/allocate.ts'
import { readSettings } from '../../src/desired/annotations.ts'
import type { Demand } from '../../src/desired/demand.ts'
import type { Pool } from '../../src/desired/pools.ts'
import { demandOf } from '../../src/desired/read-demand.ts'
import { type AllocationRecord, formatPort, formatRecord } from '../../src/desired/record.ts'
import type { Selection } from '../../src/desired/select.ts'
import type { ClassSpec } from '../../src/desired/spec.ts'
import type { ServiceObject } from '../../src/kube/objects.ts'
import { ALLOCATED_CONDITION } from '../../src/model/names.ts'
import { allocatedCondition, classSpec } from './builders.ts'

/** A selection in a few words: `wanted public ClassUnknown`. */
export function brief(selection: Selection | undefined): string {
  if (selection === undefined) return 'nobody'
  const className = selection.kind === 'refused' ? '' : (selection.className ?? 'no class')
  const problem = selection.kind === 'released' ? undefined : selection.problem?.code
  return [selection.kind, className, problem].filter(Boolean).join(' ')
}

/** What class `public` is: its pools alone, or all that matters. */
export type Class = readonly Pool[] | Partial<ClassSpec>

function specOf(wishes: Class): ClassSpec {
  return classSpec('length' in wishes ? { pools: wishes } : wishes)
}

/** What a Service asks of class `public`. */
export function demand(of: ServiceObject, wishes: Class = {}): Demand {
  const spec = specOf(wishes)
  return demandOf(of, spec, readSettings(of, spec.defaults))
}

/** What class `public` gives. */
export function allocated(services: readonly ServiceObject[], wishes: Class): readonly Allocation[] {
  return allocate(
    services.map((one) => demand(one, wishes)),
    specOf(wishes),
  )
}

/** What each Service is given: `203.0.113.10 [443/TCP] PortTaken`. */
export function given(services: readonly ServiceObject[], wishes: Class): Readonly<Record<string, string>> {
  return Object.fromEntries(
    allocated(services, wishes).map(({ demand: { service: of }, addresses, ports, problems }) => [
      of.metadata.namespace === 'default' ? of.metadata.name : `${of.metadata.namespace}/${of.metadata.name}`,
      [
        addresses.join(' ') || 'nothing',
        ...(addresses.length > 0 ? [`[${ports.map(formatPort).join(' ')}]`] : []),
        ...problems.map(({ problem }) => problem.code),
      ].join(' '),
    ]),
  )
}

/** What the problems of one Service say. */
export function told(name: string, services: readonly ServiceObject[], wishes: Class): readonly string[] {
  const result = allocated(services, wishes).find((one) => one.demand.service.metadata.name === name)
  return (result?.problems ?? []).map(({ problem }) => `${problem.message}. ${problem.remedy}`)
}

/** The Services as they are once what they were given is recorded on them. */
export function recorded(services: readonly ServiceObject[], wishes: Class): readonly ServiceObject[] {
  const byUid = new Map(allocated(services, wishes).map((one) => [one.demand.service.metadata.uid, one]))
  return services.map((one) => {
    const { addresses = [], ports = [] } = byUid.get(one.metadata.uid) ?? {}
    return withRecord(one, addresses.length === 0 ? undefined : { className: 'public', addresses, ports })
  })
}

export function withRecord(of: ServiceObject, record: AllocationRecord | undefined): ServiceObject {
  const others = of.status.conditions.filter(({ type }) => type !== ALLOCATED_CONDITION)
  const own = record === undefined ? [] : [allocatedCondition(formatRecord(record))]
  return { ...of, status: { ...of.status, conditions: [...others, ...own] } }
}
