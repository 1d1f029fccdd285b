import type { ServiceObject, ServicePort } from '../kube/objects.ts'
import { canonicalCidr } from '../model/address.ts'
import { compareText, type Frontend } from '../model/table.ts'
import type { Settings } from './annotations.ts'
import type { PortDemand } from './demand.ts'

/** What Kubernetes sets where a Service says ClientIP alone (core/v1 ClientIPConfig). */
const AFFINITY_SECONDS = 10_800

/** Where a frontend leads, and how that is checked. */
export type Lead = Pick<Frontend, 'group' | 'targetPort' | 'healthCheck'>

/** The frontends of one port of a Service: one on each address, and alike. */
export function buildFrontends(
  service: ServiceObject,
  addresses: readonly string[],
  port: PortDemand,
  lead: Lead,
  ranges: readonly string[],
  settings: Settings,
): readonly Frontend[] {
  const { servicePort, protocol, hosts } = port
  const { namespace, name, uid } = service.metadata
  const sticky = hasAffinity(service, servicePort, settings)
  const { group, targetPort, healthCheck } = lead
  const proxyProtocol = settings.forPort('proxy-protocol', servicePort) ?? 'off'
  const balance = sticky ? 'source' : (settings.forPort('balance', servicePort) ?? 'round-robin')
  const affinityMs = sticky ? affinityOf(service) : undefined
  const idleTimeoutMs = settings.forPort('idle-timeout', servicePort)
  const maxConnections = settings.forPort('max-connections', servicePort)
  const ref = { namespace, name, uid }
  return addresses.map((address) => ({
    address,
    port: port.port,
    protocol,
    group,
    targetPort,
    proxyProtocol,
    balance,
    healthCheck,
    affinityMs,
    idleTimeoutMs,
    maxConnections,
    sourceRanges: ranges,
    hosts,
    service: ref,
  }))
}

/** The Service's own annotation wins over its session affinity, and that over the class's default. */
function hasAffinity({ spec }: ServiceObject, port: ServicePort, settings: Settings): boolean {
  return spec.sessionAffinity === 'ClientIP' && !settings.asked('balance', port)
}

function affinityOf({ spec }: ServiceObject): number {
  return (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? AFFINITY_SECONDS) * 1_000
}

/** Canonical CIDRs, sorted, each once; empty: everyone; undefined: there is one that cannot be read. */
export function readRanges(texts: readonly string[]): readonly string[] | undefined {
  if (texts.length === 0) return texts
  const found = texts.map(canonicalCidr)
  return found.every((range) => range !== undefined) ? [...new Set(found)].toSorted(compareText) : undefined
}
