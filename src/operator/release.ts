import { recordedKeys } from '../desired/desire.ts'
import { recordOf } from '../desired/record.ts'
import type { Selection } from '../desired/select.ts'
import type { ServiceObject } from '../kube/objects.ts'
import type { ServiceWant } from '../kube/status.ts'
import { ALLOCATED_CONDITION, EXTERNAL_ADDRESS_ANNOTATION, PROGRAMMED_CONDITION } from '../model/names.ts'
import { describeProblem, type Problem } from '../model/problems.ts'
import type { FrontendKey } from '../model/table.ts'
import type { KeysByClass } from '../plan/strays.ts'
import type { RunningClass, ServiceEvent } from './interfaces.ts'
import { ourFinalizer, showsNoOther } from './ours.ts'
import type { ProxyResult } from './program-proxy.ts'
import { resultsAt, type Sites } from './sites.ts'

/** What to do with a Service that is not served any more. */
export type Release =
  | { readonly kind: 'let go'; readonly want: ServiceWant; readonly event: ServiceEvent }
  /** A proxy may still serve it: keep the finalizer. */
  | { readonly kind: 'wait'; readonly problem: Problem }

/** Services that this class lets go: those whose address it gave, and as the speaker those of no class of the configuration. */
export function releasedBy(running: RunningClass, selections: readonly Selection[]): readonly ServiceObject[] {
  return selections.flatMap((one) => {
    if (one.kind !== 'released') return []
    const known = running.rules.some(({ name }) => name === one.className)
    return one.className === running.spec.name || (!known && running.speaksForStrays) ? one.service : []
  })
}

/** What a class has given by the records of Services, whether they hold it on or are let go. */
export function givenKeys(
  running: RunningClass,
  selections: readonly Selection[],
  services: readonly ServiceObject[],
): ReadonlySet<FrontendKey> {
  const own = services.filter((service) => recordOf(service)?.className === running.spec.name)
  return new Set([...own, ...releasedBy(running, selections)].flatMap(recordedKeys))
}

/** What Services hold that name a class which is not there: whoever takes a class out of the configuration by mistake can put it back. */
export function namedKeys(selections: readonly Selection[]): KeysByClass {
  const named = new Map<string, Set<FrontendKey>>()
  for (const one of selections) {
    // One that a class of ours holds would be wanted by that.
    const className = one.kind === 'refused' ? recordOf(one.service)?.className : undefined
    if (className === undefined) continue
    const keys = named.get(className) ?? new Set()
    for (const key of recordedKeys(one.service)) keys.add(key)
    named.set(className, keys)
  }
  return named
}

/**
 * Decides whether a Service may go. It may once every proxy that had its addresses was brought to a table without it; and after the configured patience even
 * when one could not be reached, since a proxy that returns is corrected at first contact. `nowMs` is epoch milliseconds.
 */
export function decideRelease(
  service: ServiceObject,
  results: readonly ProxyResult[],
  running: RunningClass,
  sites: Sites,
  nowMs: number,
): Release {
  const record = recordOf(service)
  const concerned = record === undefined ? results : resultsAt(record.addresses, results, sites)
  // What the guard holds back is never a Service's that is still here.
  const problem = concerned.flatMap((result) => result.problem ?? [])[0]
  const deleted = service.metadata.deletionTimestamp
  const patient = deleted === undefined || nowMs - Date.parse(deleted) < running.cleanupPatienceMs
  if (problem !== undefined && patient) return { kind: 'wait', problem }
  return { kind: 'let go', want: releaseWant(service), event: releaseEvent(service, problem) }
}

/** Takes everything of ours off a Service. */
export function releaseWant(service: ServiceObject): ServiceWant {
  const own = ourFinalizer(service)
  return {
    conditions: [],
    removeConditions: [ALLOCATED_CONDITION, PROGRAMMED_CONDITION],
    finalizers: own === undefined ? {} : { remove: [own] },
    annotations: { [EXTERNAL_ADDRESS_ANNOTATION]: null },
    // Another controller may have put its own address there since.
    ...(showsNoOther(service) ? { ingress: [] } : {}),
  }
}

function releaseEvent(service: ServiceObject, problem: Problem | undefined): ServiceEvent {
  const addresses = recordOf(service)?.addresses.join(', ') ?? 'nothing'
  if (problem === undefined) return { type: 'Normal', reason: 'Released', message: `Released ${addresses}` }
  const message = `Released ${addresses} without a word from every proxy: ${describeProblem(problem)}`
  return { type: 'Warning', reason: 'Released', message: message }
}
