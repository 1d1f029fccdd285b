/** Services and what the cluster says about them, over the API. */
import { ApiError } from '../lab/api-client.ts'
import type { Lab } from '../lab/lab.ts'
import { waitFor } from '../lab/wait.ts'
import { type KubeEvent, type List, namespace, type Service, type ServiceDraft, serviceManifest } from './objects.ts'

export interface EventMatch {
  readonly reason: string
  /** Of the message: what it must name. */
  readonly says: readonly RegExp[]
}

export interface Services {
  create(draft: ServiceDraft, signal: AbortSignal): Promise<Service>
  get(name: string, signal: AbortSignal): Promise<Service>
  /** Every Service of the cluster, as the API gives it. */
  all(signal: AbortSignal): Promise<readonly Service[]>
  /** A merge patch, as by a user. */
  patch(name: string, patch: object, signal: AbortSignal): Promise<Service>
  /** Deletes and waits until the object is gone. */
  remove(name: string, signal: AbortSignal): Promise<void>
  /** Waits for the address in status, or for NodePort Services in the annotation; gives all of them. */
  addressesOf(name: string, signal: AbortSignal): Promise<readonly string[]>
  addressOf(name: string, signal: AbortSignal): Promise<string>
  /** Waits until nothing of ours is on a Service: no finalizer, no condition, no address. */
  released(name: string, signal: AbortSignal): Promise<void>
  /** Waits for a warning about a Service that says all this. */
  warningOf(name: string, match: EventMatch, signal: AbortSignal): Promise<KubeEvent>
  until(name: string, what: string, holds: (service: Service) => boolean, signal: AbortSignal): Promise<Service>
}

/** Within this an operator must have followed; what takes a resync, or a retry, has up to 15 seconds of its own. */
const FOLLOWS_WITHIN_MS = 25_000
const POLL = { timeoutMs: FOLLOWS_WITHIN_MS, intervalMs: 50 } as const
const external = 'fairway.dev/external-address'

export function createServices(api: Lab['api']): Services {
  const base = `/api/v1/namespaces/${namespace}/services`
  const get: Services['get'] = async (name, signal) => (await api.request(`${base}/${name}`, {}, signal)) as Service
  const until: Services['until'] = async (name, what, holds, signal) => {
    let last: Service | undefined
    const probe = async (limit: AbortSignal) => {
      last = await get(name, limit)
      return holds(last) ? last : undefined
    }
    return waitFor(`Service ${name} ${what}`, probe, POLL, signal).catch((error: Error) => {
      throw new Error(`${error.message}\n${JSON.stringify({ ...last?.metadata, status: last?.status })}`)
    })
  }
  const addressesOf: Services['addressesOf'] = async (name, signal) => {
    const service = await until(name, 'to have an address', (one) => published(one).length > 0, signal)
    return published(service)
  }
  return {
    create: async (draft, signal) =>
      (await api.request(base, { method: 'POST', body: serviceManifest(draft) }, signal)) as Service,
    get,
    all: async (signal) => ((await api.request('/api/v1/services', {}, signal)) as List<Service>).items,
    patch: async (name, patch, signal) =>
      (await api.request(`${base}/${name}`, { method: 'PATCH', body: patch }, signal)) as Service,
    remove: async (name, signal) => remove(api, `${base}/${name}`, signal),
    addressesOf,
    addressOf: async (name, signal) => (await addressesOf(name, signal))[0] ?? '',
    released: async (name, signal) => void (await until(name, 'to be let go', isReleased, signal)),
    warningOf: async (name, match, signal) => warningOf(api, name, match, signal),
    until,
  }
}

function published({ metadata, spec, status }: Service): readonly string[] {
  if (spec.type === 'NodePort') return metadata.annotations?.[external]?.split(',') ?? []
  return (status.loadBalancer.ingress ?? []).flatMap(({ ip }) => ip ?? [])
}

function isReleased({ metadata, status }: Service): boolean {
  const conditions = (status.conditions ?? []).filter(({ type }) => type.startsWith('fairway.dev/'))
  const marks = [...conditions, ...(metadata.finalizers ?? []), ...(status.loadBalancer.ingress ?? [])]
  return marks.length === 0 && metadata.annotations?.[external] === undefined
}

async function remove(api: Lab['api'], path: string, signal: AbortSignal): Promise<void> {
  await api.request(path, { method: 'DELETE' }, signal).catch(ignoreAbsent)
  const gone = async (limit: AbortSignal) => {
    const found = await api.request(path, {}, limit).catch(ignoreAbsent)
    return found === undefined
  }
  await waitFor(`${path} to be gone`, gone, POLL, signal)
}

function ignoreAbsent(error: unknown): undefined {
  if (error instanceof ApiError && error.status === 404) return undefined
  throw error
}

async function warningOf(
  api: Lab['api'],
  name: string,
  { reason, says }: EventMatch,
  signal: AbortSignal,
): Promise<KubeEvent> {
  const path = `/api/v1/namespaces/${namespace}/events?fieldSelector=involvedObject.kind=Service,involvedObject.name=${name}`
  let seen: readonly KubeEvent[] = []
  const probe = async (limit: AbortSignal) => {
    seen = ((await api.request(path, {}, limit)) as List<KubeEvent>).items
    return seen.find((event) => event.reason === reason && says.every((text) => text.test(event.message)))
  }
  const found = await waitFor(`an Event ${reason} on Service ${name}`, probe, POLL, signal).catch((error: Error) => {
    const lines = seen.map((event) => `${event.type} ${event.reason}: ${event.message}`)
    throw new Error(`${error.message}; wanted ${says.join(' ')}; there were:\n${lines.join('\n')}`)
  })
  if (found.type !== 'Warning') throw new Error(`Event ${reason} on Service ${name} is no warning`)
  if (found.source.component !== 'fairway') throw new Error(`Event ${reason} on Service ${name} is not ours`)
  return found
}
