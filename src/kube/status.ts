import type { KubeClient } from './client.ts'
import { ApiError } from './errors.ts'
import type { IngressStatus, ServiceObject } from './objects.ts'
import { keepService, serviceStatusPath } from './resources.ts'
import { fromWire, type RawObject } from './wire.ts'

/** Who we are in `managedFields`, so that rivals can be told from us. */
export const FIELD_MANAGER = 'fairway'

export interface WantedPort {
  readonly port: number
  readonly protocol: string
  readonly error?: string | undefined
}

export interface WantedIngress {
  readonly ip: string
  readonly ipMode: 'Proxy'
  /** All ports, once one of them has an error. */
  readonly ports?: readonly WantedPort[] | undefined
}

export interface WantedCondition {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
}

/** What of ours a Service shall bear. Whatever is not mentioned stays as it is; what others wrote is never touched. */
export interface ServiceWant {
  /** Undefined: leave. Empty: clear. Only LoadBalancer Services can have one; on others it is ignored, the API server empties it itself. */
  readonly ingress?: readonly WantedIngress[] | undefined
  /** Ours, that is under `fairway.dev/`: others are not cached and cannot be compared. */
  readonly conditions: readonly WantedCondition[]
  readonly removeConditions?: readonly string[] | undefined
  readonly finalizers: { readonly add?: string | undefined; readonly remove?: readonly string[] | undefined }
  /** Ours, that is under `fairway.dev/`. Null removes. */
  readonly annotations?: Readonly<Record<string, string | null>> | undefined
}

type ConditionPatch =
  | { readonly type: string; readonly $patch: 'delete' }
  | (WantedCondition & { readonly lastTransitionTime: string })

/** A strategic-merge patch for the `status` subresource of a Service. */
export interface StatusPatch {
  readonly metadata: {
    /** Of the Service that was decided on. One made anew under the same name answers 422. */
    readonly uid: string
    /** Only where finalizers change: two writers must not undo each other there. */
    readonly resourceVersion?: string
    readonly annotations?: Readonly<Record<string, string | null>>
    readonly finalizers?: readonly string[]
    readonly '$deleteFromPrimitiveList/finalizers'?: readonly string[]
  }
  readonly status?: {
    readonly loadBalancer?: { readonly ingress: readonly WantedIngress[] }
    readonly conditions?: readonly ConditionPatch[]
  }
}

/**
 * The difference between a Service and what is wanted of it; undefined where there is none as far as the API server would keep it.
 *
 * Merge rules (k8s.io/api/core/v1, patchStrategy tags): conditions merge by type and finalizers as a set, so those of others survive;
 * `ingress` and its `ports` are replaced whole. `now` is RFC 3339, of which the API server keeps whole seconds.
 */
export function statusPatch(service: ServiceObject, want: ServiceWant, now: string): StatusPatch | undefined {
  const annotations = annotationPatch(service, want)
  const finalizers = finalizerPatch(service, want)
  const conditions = conditionPatch(service, want, now.replace(/\.\d+/, ''))
  const ingress = ingressPatch(service, want)
  if (annotations === undefined && finalizers === undefined && conditions === undefined && ingress === undefined)
    return undefined
  const { uid, resourceVersion } = service.metadata
  const metadata = { uid, ...annotations, ...(finalizers && { resourceVersion, ...finalizers }) }
  return conditions === undefined && ingress === undefined
    ? { metadata }
    : { metadata, status: { ...ingress, ...conditions } }
}

/** Whether a Service bears all that is wanted of it, so that there is nothing to write. */
export function bears(service: ServiceObject, want: ServiceWant): boolean {
  return statusPatch(service, want, '') === undefined
}

function annotationPatch(
  service: ServiceObject,
  want: ServiceWant,
): Pick<StatusPatch['metadata'], 'annotations'> | undefined {
  const changed = Object.entries(want.annotations ?? {}).filter(
    ([name, value]) => (service.metadata.annotations[name] ?? null) !== value,
  )
  return changed.length === 0 ? undefined : { annotations: Object.fromEntries(changed) }
}

/** Nothing is added to a Service that is being deleted: the API server refuses it. */
function finalizerPatch(service: ServiceObject, want: ServiceWant): Partial<StatusPatch['metadata']> | undefined {
  const { finalizers, deletionTimestamp } = service.metadata
  const { add } = want.finalizers
  const added = add !== undefined && deletionTimestamp === undefined && !finalizers.includes(add) ? [add] : []
  const removed = (want.finalizers.remove ?? []).filter((name) => name !== add && finalizers.includes(name))
  if (added.length === 0 && removed.length === 0) return undefined
  return {
    ...(added.length > 0 && { finalizers: added }),
    ...(removed.length > 0 && { '$deleteFromPrimitiveList/finalizers': removed }),
  }
}

type StatusPart = NonNullable<StatusPatch['status']>

/** The time of a condition moves only when its status does (API conventions: lastTransitionTime). */
function conditionPatch(
  service: ServiceObject,
  want: ServiceWant,
  now: string,
): Pick<StatusPart, 'conditions'> | undefined {
  const have = new Map(service.status.conditions.map((condition) => [condition.type, condition]))
  const wanted = new Set(want.conditions.map(({ type }) => type))
  const conditions = [
    ...want.conditions.flatMap(({ type, status, reason, message }): readonly ConditionPatch[] => {
      const before = have.get(type)
      if (before?.status === status && before.reason === reason && before.message === message) return []
      return [
        {
          type,
          status,
          reason,
          message,
          lastTransitionTime: before?.status === status ? before.lastTransitionTime : now,
        },
      ]
    }),
    ...(want.removeConditions ?? [])
      .filter((type) => have.has(type) && !wanted.has(type))
      .map((type): ConditionPatch => ({ type, $patch: 'delete' })),
  ]
  return conditions.length === 0 ? undefined : { conditions }
}

function ingressPatch(service: ServiceObject, want: ServiceWant): Pick<StatusPart, 'loadBalancer'> | undefined {
  if (want.ingress === undefined || service.spec.type !== 'LoadBalancer') return undefined
  const have = service.status.loadBalancer.ingress
  const same =
    have.length === want.ingress.length && want.ingress.every((wanted, index) => sameIngress(have[index], wanted))
  return same ? undefined : { loadBalancer: { ingress: want.ingress } }
}

/**
 * Whether an ingress is as the API server would keep it. One that knows `ipMode` fills it in wherever there is an `ip` (1.30: `VIP` by
 * default), so where it is missing the server drops it, and writing it again would not end.
 */
function sameIngress(have: IngressStatus | undefined, want: WantedIngress): boolean {
  if (have === undefined || have.ip !== want.ip || have.hostname !== undefined) return false
  if (have.ipMode !== undefined && have.ipMode !== want.ipMode) return false
  const ports = want.ports ?? []
  return (
    have.ports.length === ports.length &&
    ports.every(({ port, protocol, error }, index) => {
      const other = have.ports[index]
      return other?.port === port && other.protocol === protocol && other.error === error
    })
  )
}

export type StatusOutcome =
  /** It was as wanted already. */
  | { readonly kind: 'unchanged' }
  /** To be noted in the store, so that the next pass knows it. */
  | { readonly kind: 'written'; readonly service: ServiceObject }
  /** It was deleted, and perhaps made anew: another Service by the same name. */
  | { readonly kind: 'gone' }
  /** It has changed since it was read. A pass over the newer one will do. */
  | { readonly kind: 'conflict' }

/**
 * Brings a Service to what is wanted with one patch of its `status` subresource, or none. Metadata goes the same way, so that RBAC on
 * Services themselves can stay read-only. What the API server refuses, or that it cannot be reached, is thrown.
 */
export async function writeStatus(
  client: KubeClient,
  service: ServiceObject,
  want: ServiceWant,
  signal: AbortSignal,
): Promise<StatusOutcome> {
  const patch = statusPatch(service, want, new Date().toISOString())
  if (patch === undefined) return { kind: 'unchanged' }
  try {
    const { body } = await client.request(
      {
        method: 'PATCH',
        path: serviceStatusPath(service.metadata),
        query: { fieldManager: FIELD_MANAGER },
        body: patch,
        contentType: 'application/strategic-merge-patch+json',
      },
      signal,
    )
    return { kind: 'written', service: keepService(body) ?? service }
  } catch (error) {
    const outcome = error instanceof ApiError ? refusal(error) : undefined
    if (outcome === undefined) throw error
    return outcome
  }
}

/** What an answer says about our view of the Service. (On 1.36: another UID is 422 on `metadata.uid`, a resourceVersion of old is 409.) */
function refusal(error: ApiError): StatusOutcome | undefined {
  if (error.status === 404) return { kind: 'gone' }
  if (error.status === 409) return { kind: 'conflict' }
  if (error.status !== 422) return undefined
  const fields = new Set(error.causes.map(({ field }) => field))
  if (fields.has('metadata.uid')) return { kind: 'gone' }
  // Its type changed, or it is being deleted, and we do not know it yet.
  if (fields.has('status.loadBalancer.ingress') || fields.has('metadata.finalizers')) return { kind: 'conflict' }
  return undefined
}

/** The UID of the kube-system namespace, which stands for the cluster's identity. */
export async function clusterUid(client: KubeClient, signal: AbortSignal): Promise<string> {
  const { body } = await client.request({ method: 'GET', path: '/api/v1/namespaces/kube-system' }, signal)
  return fromWire<RawObject>(body).metadata?.uid ?? ''
}
