import type { ServiceObject } from '../kube/objects.ts'
import { canonicalCidr } from '../model/address.ts'
import { compareText, type Frontend } from '../model/table.ts'
import type { Style } from './style.ts'
import type { Way } from './ways.ts'

/** The frontends of one port of a Service: one on each address, and alike. */
export function buildFrontends(
  { metadata }: ServiceObject,
  addresses: readonly string[],
  { port, group, targetPort }: Way,
  ranges: readonly string[],
  style: Style,
): readonly Frontend[] {
  const { namespace, name, uid } = metadata
  const service = { namespace, name, uid }
  return addresses.map((address) => ({
    address,
    port: port.port,
    protocol: port.protocol,
    group,
    targetPort,
    proxyProtocol: style.proxyProtocol,
    balance: style.balance,
    healthCheck: style.healthCheck,
    affinityMs: style.affinityMs,
    idleTimeoutMs: style.idleTimeoutMs,
    maxConnections: style.maxConnections,
    sourceRanges: ranges,
    hosts: port.hosts,
    service,
  }))
}

/** Canonical CIDRs, sorted, each once; empty: everyone; undefined: there is one that cannot be read. */
export function readRanges(texts: readonly string[]): readonly string[] | undefined {
  if (texts.length === 0) return texts
  const found = texts.map(canonicalCidr)
  return found.every((range) => range !== undefined) ? [...new Set(found)].toSorted(compareText) : undefined
}
