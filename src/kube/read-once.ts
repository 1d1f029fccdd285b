import type { KubeClient } from './client.ts'
import { ApiError, isExpired } from './errors.ts'
import type { KubeObject } from './objects.ts'
import { readPages } from './pages.ts'
import type { Resource } from './resources.ts'
import { fromWire } from './wire.ts'

const PAGE_SIZE = 500
/** Pages of one list are of one moment, which a busy API server may forget before the last. */
const ATTEMPTS = 3

/** Reads all objects of a kind as they are now, without a watch. */
export async function readOnce<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  signal: AbortSignal,
): Promise<readonly T[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      const found: T[] = []
      for await (const { items } of readPages(client, resource.path, '', PAGE_SIZE, signal))
        for (const item of items ?? []) {
          const kept = resource.keep(item)
          if (kept !== undefined) found.push(kept)
        }
      return found
    } catch (error) {
      if (!isExpired(error) || attempt >= ATTEMPTS) throw error
    }
  }
}

/** One key of a ConfigMap, or undefined where it does not have it. */
export async function readConfigMap(
  client: KubeClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  key: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const path = `/api/v1/namespaces/${namespace}/configmaps/${name}`
  const { body } = await client.request({ method: 'GET', path }, signal)
  return fromWire<{ readonly data?: Readonly<Record<string, string>> }>(body).data?.[key]
}

/** `v1.36.0` */
export async function readVersion(client: KubeClient, signal: AbortSignal): Promise<string> {
  const { body } = await client.request({ method: 'GET', path: '/version' }, signal)
  return fromWire<{ readonly gitVersion?: string }>(body).gitVersion ?? 'of an unknown version'
}

/** Who leads by a Lease; undefined where there is none. */
export async function readLease(
  client: KubeClient,
  id: LeaseId,
  signal: AbortSignal,
): Promise<{ readonly holder: string; readonly renewedAtMs: number | undefined } | undefined> {
  const lease = await readIfThere<LeaseAsRead>(client, leasePath(id), signal)
  if (lease === undefined) return undefined
  const { holderIdentity: holder = '', renewTime = '' } = lease.spec ?? {}
  const renewedAtMs = Date.parse(renewTime)
  return { holder, renewedAtMs: Number.isNaN(renewedAtMs) ? undefined : renewedAtMs }
}

interface LeaseAsRead {
  readonly spec?: { readonly holderIdentity?: string; readonly renewTime?: string }
}

/** Where operators elect their leader. */
export interface LeaseId {
  readonly namespace: string
  readonly name: string
}

export function leasePath({ namespace, name }: LeaseId): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`
}

/** One object; undefined where there is none of that name. */
export async function readIfThere<T>(client: KubeClient, path: string, signal: AbortSignal): Promise<T | undefined> {
  try {
    return fromWire<T>((await client.request({ method: 'GET', path }, signal)).body)
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined
    throw error
  }
}
