import { canonicalAddress, canonicalCidr, isPort } from './address.ts'
import { isHostName } from './hosts.ts'
import type { Problem } from './problems.ts'
import { type Frontend, frontendKey, socketKey, type Target } from './table.ts'

type Ungrouped = Omit<Frontend, 'group'>

/**
 * What in a frontend must not or cannot reach a proxy. Targets, hosts and ranges come from objects that users write: only canonical addresses, numbers,
 * and names of plain letters get through. `lackOf` says what this kind of proxy has no words for: `balance random`.
 */
export function findFault(
  proxy: string,
  frontend: Ungrouped,
  targets: readonly Target[],
  lackOf: (frontend: Ungrouped) => string | undefined,
): Problem | undefined {
  const fault = findBadTarget(proxy, frontend, targets) ?? findBadField(proxy, frontend)
  if (fault !== undefined) return fault
  const lack = lackOf(frontend)
  if (lack === undefined) return undefined
  const message = `${frontendKey(frontend)} asks for ${lack}, which proxy ${proxy} cannot do`
  return { code: 'Unsupported', kind: 'unsupported', message, remedy: 'Remove the annotation, or use another class' }
}

function findBadTarget(proxy: string, frontend: Ungrouped, targets: readonly Target[]): Problem | undefined {
  const target = targets.find(({ address, port }) => !isAddress(address) || (port !== undefined && !isPort(port)))
  if (target === undefined) return undefined
  const message = `target ${quote(target.address)} of ${socketKey(frontend)} is no address that proxy ${proxy} may be given`
  const remedy = 'Correct the address of the node or endpoint that it comes from'
  return { code: 'TargetRefused', kind: 'terminal', message, remedy }
}

function findBadField(proxy: string, frontend: Ungrouped): Problem | undefined {
  const key = socketKey(frontend)
  const host = frontend.hosts.find((name) => !isHostName(name))
  if (host !== undefined) {
    const message = `host ${quote(host)} of ${key} is no name that proxy ${proxy} may be given`
    return { code: 'AnnotationInvalid', kind: 'terminal', message, remedy: 'Correct the annotation fairway.dev/hosts' }
  }
  const range = frontend.sourceRanges.find((text) => canonicalCidr(text) !== text)
  const ports = isPort(frontend.port) && isPort(frontend.targetPort)
  if (isAddress(frontend.address) && ports && range === undefined) return undefined
  const message = `${key} with target port ${frontend.targetPort} and sources ${frontend.sourceRanges.join(', ') || 'all'} is not well-formed`
  return { code: 'AddressInvalid', kind: 'terminal', message, remedy: 'Correct the Service that it comes from' }
}

function quote(text: string): string {
  return JSON.stringify(text).slice(0, 80)
}

function isAddress(text: string): boolean {
  return canonicalAddress(text) === text
}
