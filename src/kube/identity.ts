import { FairwayError } from '../model/problems.ts'
import type { KubeClient } from './client.ts'
import { clusterUid } from './status.ts'

/** Which cluster answers. */
export interface Identity {
  /** For readers: each answer counts only once it is certain that the cluster is still the one that answered first. */
  readonly client: KubeClient
  /** UID of the kube-system namespace of the cluster that answered first; asked until then. */
  uid(signal: AbortSignal): Promise<string>
}

/**
 * Keeps a process with the cluster that it has begun with. A kubeconfig that is read again, or a name that leads elsewhere, may put another cluster in its
 * place, and to whoever follows that one all Services look deleted. Costs one small request for each list and each watch.
 */
export function createIdentity(client: KubeClient): Identity {
  let known: string | undefined
  const check = async (signal: AbortSignal) => {
    const uid = await clusterUid(client, signal)
    if (uid === '') throw nobody()
    known ??= uid
    if (uid !== known) throw anotherCluster(known, uid)
  }
  return {
    client: {
      request: async (request, signal) => {
        const response = await client.request(request, signal)
        await check(signal)
        return response
      },
      stream: async (request, signal) => {
        const ending = new AbortController()
        const stream = await client.stream(request, AbortSignal.any([signal, ending.signal]))
        try {
          await check(signal)
        } catch (error) {
          ending.abort(error)
          throw error
        }
        return stream
      },
      close: () => client.close(),
    },
    uid: async (signal) => {
      await check(signal)
      return known ?? ''
    },
  }
}

/** A gateway that answers anything with some JSON must not become the cluster that this process keeps to. */
function nobody(): FairwayError {
  return new FairwayError({
    code: 'ApiUnreachable',
    kind: 'transient',
    message: 'What answers as the API server knows no UID of the namespace kube-system',
    remedy: 'Look what the kubeconfig leads to; it is tried again',
  })
}

function anotherCluster(known: string, uid: string): FairwayError {
  return new FairwayError({
    code: 'ApiRejected',
    kind: 'terminal',
    message: `The API server answers for another cluster (UID ${uid}) than the one that this process began with (UID ${known})`,
    remedy: 'Lead the kubeconfig back to it; if the cluster was replaced, start the operator anew',
  })
}
