import type { KubeClient } from './client.ts'
import { FIELD_MANAGER } from './status.ts'
import { fromWire } from './wire.ts'

interface ManagedFields {
  readonly manager?: string
  readonly time?: string
  readonly subresource?: string
  readonly fieldsV1?: { readonly 'f:status'?: Readonly<Record<string, unknown>> }
}

/**
 * Who else wrote `status.loadBalancer` of a Service, newest first: the rivals to name when our address keeps being overwritten. The cache
 * keeps no managedFields, so this reads the Service anew.
 */
export async function statusRivals(
  client: KubeClient,
  service: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const path = `/api/v1/namespaces/${service.namespace}/services/${service.name}`
  const { body } = await client.request({ method: 'GET', path }, signal)
  const fields =
    fromWire<{ metadata?: { managedFields?: readonly ManagedFields[] } }>(body).metadata?.managedFields ?? []
  const rivals = fields
    .filter(({ manager, subresource }) => manager !== FIELD_MANAGER && subresource === 'status')
    .filter(({ fieldsV1 }) => fieldsV1?.['f:status'] !== undefined && 'f:loadBalancer' in fieldsV1['f:status'])
    .toSorted((a, b) => (b.time ?? '').localeCompare(a.time ?? ''))
  return [...new Set(rivals.map(({ manager }) => manager ?? 'unknown'))]
}
