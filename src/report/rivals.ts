import { recordOf } from '../desired/record.ts'
import type { ServiceObject } from '../kube/objects.ts'
import { PREFIX } from '../model/names.ts'
import type { Problem } from '../model/problems.ts'
import { serviceName } from '../model/table.ts'
import type { Survey } from './survey.ts'

/** Asking who it was takes a request for each. */
const MOST_NAMED = 10

/** Services of ours whose status shows addresses that are not ours: another controller claims them too. */
export function findOverwritten({ classes }: Survey): readonly ServiceObject[] {
  const wanted = classes.flatMap(({ desired }) => desired.placements.map(({ demand }) => demand.service))
  return wanted.filter(isOverwritten).slice(0, MOST_NAMED)
}

/** Whether its status shows an address that it was not given. */
export function isOverwritten(service: ServiceObject): boolean {
  const held = recordOf(service)?.addresses ?? []
  return service.status.loadBalancer.ingress.some(({ ip }) => ip === undefined || !held.includes(ip))
}

/** `names` of the other writers, as managedFields has them. */
export function describeRivals(service: ServiceObject, names: readonly string[]): Problem {
  const shown = service.status.loadBalancer.ingress.map(({ ip, hostname }) => ip ?? hostname ?? '').join(', ')
  return {
    code: 'StatusContested',
    kind: 'terminal',
    message: `The status of Service ${serviceName(service.metadata)} shows ${shown}, written by ${names.join(', ') || 'another controller'}`,
    remedy: `Keep the other controller off it: create it anew with loadBalancerClass ${PREFIX}/CLASS, or remove its Fairway class`,
  }
}
