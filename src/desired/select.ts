import type { ServiceObject } from '../kube/objects.ts'
import {
  ALLOCATED_CONDITION,
  CLASS_ANNOTATION,
  CLEANUP_FINALIZER,
  PREFIX,
  PROGRAMMED_CONDITION,
} from '../model/names.ts'
import { didYouMean } from '../model/nearest.ts'
import type { Problem, ProblemCode } from '../model/problems.ts'
import { serviceName } from '../model/table.ts'
import { recordOf } from './record.ts'
import { hasUnreadableRecord, unreadableRecord } from './unreadable.ts'

/** What selection needs to know of a class. */
export interface ClassRule {
  readonly name: string
  readonly default: boolean
  /** Further values of spec.loadBalancerClass that mean this class. */
  readonly aliases: readonly string[]
  /** Namespaces whose Services may use it; `*`: all. */
  readonly namespaces: readonly string[]
}

export type Selection =
  /** To be served by the class. A problem beside it is shown, and does not stop the serving. */
  | {
      readonly kind: 'wanted'
      readonly service: ServiceObject
      readonly className: string
      readonly problem: Problem | undefined
    }
  /** Ours until now: to be taken off the proxies, then let go. */
  | { readonly kind: 'released'; readonly service: ServiceObject; readonly className: string | undefined }
  /** Asks for us in a way that cannot be served, and holds nothing of a class that we have: told so, never written to. */
  | { readonly kind: 'refused'; readonly service: ServiceObject; readonly problem: Problem }

/**
 * Decides whose a Service is. Returns undefined for one that does not concern us.
 *
 * | type                   | class named           | known, allowed | held before | result                                     |
 * | ---------------------- | --------------------- | -------------- | ----------- | ------------------------------------------ |
 * | LoadBalancer, NodePort | ours                  | yes            | any         | wanted                                     |
 * | LoadBalancer, NodePort | ours                  | no             | yes         | wanted by the class that holds it, told so |
 * | LoadBalancer, NodePort | ours, unknown         | no             | by unknown  | refused: it keeps what it has              |
 * | LoadBalancer, NodePort | ours                  | no             | no          | refused                                    |
 * | LoadBalancer           | none                  | a default one  | any         | wanted                                     |
 * | LoadBalancer           | none, or another's    | no default one | by unknown  | refused: it keeps what it has              |
 * | any                    | any                   | any            | unreadable  | refused: it keeps what it has              |
 * | other, or being deleted| any                   | any            | yes         | released                                   |
 * | any                    | none, or another's    | –              | yes         | released                                   |
 * | ClusterIP, ExternalName| by annotation         | –              | no          | refused (type)                             |
 */
export function selectService(service: ServiceObject, classes: readonly ClassRule[]): Selection | undefined {
  const held = recordOf(service)?.className
  const released: Selection | undefined = isMarked(service) ? { kind: 'released', service, className: held } : undefined
  if (service.metadata.deletionTimestamp !== undefined) return released
  if (hasUnreadableRecord(service)) return { kind: 'refused', service, problem: unreadableRecord(service) }
  const named = namedClass(service, classes)
  if (named === undefined) return keepForLost(service, held, classes) ?? released
  if (typeof named === 'string' && servesType(service))
    return { kind: 'wanted', service, className: named, problem: undefined }
  const problem = typeof named === 'string' ? wrongType(service) : named
  if (released !== undefined && !servesType(service)) return released
  const holder = classes.find(({ name }) => name === held)
  if (released !== undefined && holder !== undefined) {
    return { kind: 'wanted', service, className: holder.name, problem }
  }
  // A class that a slip in the configuration lost comes back, and one that it never had may be another Fairway's: its record is not ours to wipe.
  const mayBeOthers = held !== undefined || problem.code === 'ClassUnknown'
  return released === undefined || mayBeOthers ? { kind: 'refused', service, problem } : released
}

/**
 * A Service that holds something of a class which the configuration does not have, and names none that it has, may belong to one that a slip in the
 * configuration lost, as its default or under an alias, or to another Fairway's. Neither is ours to wipe. Of other types Services have a class by
 * annotation only, and this one has none.
 */
function keepForLost(
  service: ServiceObject,
  held: string | undefined,
  classes: readonly ClassRule[],
): Selection | undefined {
  const isKnown = held === undefined || classes.some(({ name }) => name === held)
  if (service.spec.type !== 'LoadBalancer' || isKnown) return undefined
  const what = `holds what class "${held}" gave, which the configuration does not have, and names none that it has`
  const remedy = `Name one of: ${classes.map(({ name }) => name).join(', ')}; or put "${held}" back into the configuration`
  return { kind: 'refused', service, problem: problemOf(service, 'ClassUnknown', what, remedy) }
}

/** Whether we have written to a Service: it bears our finalizer or one of our conditions. */
export function isMarked(service: ServiceObject): boolean {
  return (
    service.metadata.finalizers.includes(CLEANUP_FINALIZER) ||
    service.status.conditions.some(({ type }) => type === ALLOCATED_CONDITION || type === PROGRAMMED_CONDITION)
  )
}

function servesType(service: ServiceObject): boolean {
  return service.spec.type === 'LoadBalancer' || service.spec.type === 'NodePort'
}

/** The class that a Service names: its name, a problem when it names none that can be had, or undefined when it does not mean us. */
function namedClass(service: ServiceObject, classes: readonly ClassRule[]): string | Problem | undefined {
  const annotated = service.metadata.annotations[CLASS_ANNOTATION]
  const field = service.spec.type === 'LoadBalancer' ? service.spec.loadBalancerClass : undefined
  const fromField = field === undefined ? undefined : classOfField(field, classes)
  if (annotated === undefined) {
    if (field !== undefined) return fromField === undefined ? undefined : checkClass(service, fromField, classes)
    const standing = service.spec.type === 'LoadBalancer' ? classes.find((one) => one.default) : undefined
    return standing === undefined ? undefined : checkClass(service, standing.name, classes)
  }
  if (field !== undefined && fromField !== annotated) {
    return problemOf(
      service,
      'ClassConflict',
      `names class "${annotated}" by annotation and "${field}" by spec.loadBalancerClass`,
      `Remove the annotation ${CLASS_ANNOTATION}, or create the Service anew with one loadBalancerClass`,
    )
  }
  return checkClass(service, annotated, classes)
}

function classOfField(field: string, classes: readonly ClassRule[]): string | undefined {
  const alias = classes.find(({ aliases }) => aliases.includes(field))
  if (alias !== undefined) return alias.name
  return field.startsWith(`${PREFIX}/`) ? field.slice(PREFIX.length + 1) : undefined
}

function checkClass(service: ServiceObject, name: string, classes: readonly ClassRule[]): string | Problem {
  const known = classes.find((one) => one.name === name)
  if (known === undefined) {
    const names = classes.map((one) => one.name)
    return problemOf(
      service,
      'ClassUnknown',
      `names class "${name}", which the configuration does not have${didYouMean(name, names)}`,
      `Use one of: ${names.join(', ')}`,
    )
  }
  const { namespaces } = known
  if (namespaces.includes('*') || namespaces.includes(service.metadata.namespace)) return name
  return problemOf(
    service,
    'ClassForbidden',
    `may not use class "${name}" from namespace "${service.metadata.namespace}"`,
    'Ask whoever runs Fairway to add the namespace to namespaces.allow of the class',
  )
}

function wrongType(service: ServiceObject): Problem {
  return problemOf(
    service,
    'TypeUnsupported',
    `is of type ${service.spec.type}, which has no node ports`,
    'Set spec.type to LoadBalancer or NodePort, or remove its Fairway class',
  )
}

function problemOf(service: ServiceObject, code: ProblemCode, what: string, remedy: string): Problem {
  return { code, kind: 'terminal', message: `Service ${serviceName(service.metadata)} ${what}`, remedy }
}
