import type { Endpoint, EndpointSliceObject } from '../kube/objects.ts'

/**
 * Names of the nodes that have endpoints of a Service: those that are ready, or, when none is, those that still serve while they terminate
 * (KEP-1669); with `publishNotReady` all of them. Absent conditions mean what discovery.k8s.io/v1 says.
 */
export function nodesWithEndpoints(
  slices: readonly EndpointSliceObject[],
  publishNotReady: boolean,
): ReadonlySet<string> {
  const endpoints = slices.flatMap((slice) => slice.endpoints)
  const ready = nodeNames(endpoints.filter(({ conditions }) => publishNotReady || conditions.ready !== false))
  if (ready.size > 0) return ready
  return nodeNames(
    endpoints.filter(
      ({ conditions }) => conditions.terminating === true && (conditions.serving ?? conditions.ready) !== false,
    ),
  )
}

function nodeNames(endpoints: readonly Endpoint[]): ReadonlySet<string> {
  return new Set(endpoints.flatMap(({ nodeName }) => nodeName ?? []))
}
