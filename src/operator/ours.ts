import { hasRecord, recordOf } from '../desired/record.ts'
import type { ServiceObject } from '../kube/objects.ts'
import { CLEANUP_FINALIZER, UPSTREAM_FINALIZER } from '../model/names.ts'

/** The finalizer that a class puts on its Services: one that stands for a cloud controller bears Kubernetes' own. */
export function finalizerOf(standing: boolean): string {
  return standing ? UPSTREAM_FINALIZER : CLEANUP_FINALIZER
}

/**
 * The finalizer that is ours on a Service, if any. We put one of the two there, never both: beside our own name, Kubernetes' is that of a cloud
 * controller, whose load balancer would be left behind without it.
 */
export function ourFinalizer(service: ServiceObject): string | undefined {
  const { finalizers } = service.metadata
  if (finalizers.includes(CLEANUP_FINALIZER)) return CLEANUP_FINALIZER
  return hasRecord(service) && finalizers.includes(UPSTREAM_FINALIZER) ? UPSTREAM_FINALIZER : undefined
}

/** Whether no address in the status of a Service is another controller's: all are of our record, or there is none. */
export function showsNoOther(service: ServiceObject): boolean {
  const held = recordOf(service)?.addresses ?? []
  return service.status.loadBalancer.ingress.every(({ ip }) => ip !== undefined && held.includes(ip))
}
