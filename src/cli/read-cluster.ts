import type { KubeClient } from '../kube/client.ts'
import { readOnce } from '../kube/read-once.ts'
import { ENDPOINT_SLICES, NODES, SERVICES } from '../kube/resources.ts'
import { clusterUid } from '../kube/status.ts'
import { serviceName } from '../model/table.ts'
import { groupSlices } from '../operator/cluster.ts'
import type { Picture } from './read-manifests.ts'

/** Reads once what the operator watches. Throws what the API server refuses. */
export async function readCluster(client: KubeClient, signal: AbortSignal): Promise<Picture> {
  const [services, nodes, slices, uid] = await Promise.all([
    readOnce(client, SERVICES, signal),
    readOnce(client, NODES, signal),
    readOnce(client, ENDPOINT_SLICES, signal),
    clusterUid(client, signal),
  ])
  const byService = groupSlices(slices)
  return {
    state: { services, nodes, slicesOf: (service) => byService.get(serviceName(service)) ?? [] },
    uid,
    notes: [],
  }
}
