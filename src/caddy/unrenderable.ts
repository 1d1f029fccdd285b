import { canonicalAddress, canonicalCidr } from '../model/address.ts'
import { CHECK_DEFAULTS } from '../model/checks.ts'
import type { Problem } from '../model/problems.ts'
import { type Frontend, frontendKey, type HealthCheck, socketKey, type Target } from '../model/table.ts'
import { isDuration } from './durations.ts'
import { POLICIES } from './handlers.ts'
import { isPort } from './names.ts'

/** A name, or `*.` before one. */
const HOST = /^(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*$/

/**
 * What in a frontend must not or cannot reach Caddy. It expands placeholders like `{env.HOME}` in every string, and targets come from objects that
 * users write: only canonical addresses, numbers, and names of plain letters get through.
 */
export function findUnrenderable(
  proxy: string,
  frontend: Omit<Frontend, 'group'>,
  targets: readonly Target[],
): Problem | undefined {
  return findBadTarget(proxy, frontend, targets) ?? findBadField(proxy, frontend) ?? findLack(proxy, frontend)
}

export function findBadTarget(
  proxy: string,
  frontend: Omit<Frontend, 'group'>,
  targets: readonly Target[],
): Problem | undefined {
  const target = targets.find(({ address, port }) => !isAddress(address) || (port !== undefined && !isPort(port)))
  if (target === undefined) return undefined
  const message = `target ${quote(target.address)} of ${socketKey(frontend)} is no address that proxy ${proxy} may be given`
  const remedy = 'Correct the address of the node or endpoint that it comes from'
  return { code: 'TargetRefused', kind: 'terminal', message, remedy }
}

export function findBadField(proxy: string, frontend: Omit<Frontend, 'group'>): Problem | undefined {
  const key = socketKey(frontend)
  const host = frontend.hosts.find((name) => !HOST.test(name))
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

function findLack(proxy: string, frontend: Omit<Frontend, 'group'>): Problem | undefined {
  const lack = lackOf(frontend)
  if (lack === undefined) return undefined
  const message = `${frontendKey(frontend)} asks for ${lack}, which proxy ${proxy} cannot do`
  return { code: 'Unsupported', kind: 'unsupported', message, remedy: 'Remove the annotation, or use another class' }
}

/** What Caddy has no words for. */
function lackOf(frontend: Omit<Frontend, 'group'>): string | undefined {
  const { protocol, proxyProtocol, balance, healthCheck, idleTimeoutMs } = frontend
  if (!Object.hasOwn(POLICIES, balance)) return `balance ${balance}`
  if (protocol === 'UDP' && proxyProtocol === 'v1') return 'PROXY protocol v1 on UDP'
  if (protocol === 'UDP' && frontend.hosts.length > 0) return 'hosts (SNI) on UDP'
  if (protocol === 'TCP' && idleTimeoutMs !== undefined) return 'an idle timeout on TCP'
  if (idleTimeoutMs !== undefined && !isDuration(idleTimeoutMs)) return `an idle timeout of ${idleTimeoutMs} ms`
  if (frontend.maxConnections !== undefined) return 'max-connections'
  if (frontend.affinityMs !== undefined) return 'a time of affinity'
  return healthCheck === undefined ? undefined : checkLackOf(healthCheck, protocol)
}

function checkLackOf({ kind, port, intervalMs, timeoutMs, rise, fall }: HealthCheck, protocol: Frontend['protocol']) {
  if (kind !== 'tcp') return `health-check ${kind}`
  if (protocol === 'UDP') return `health-check ${kind} on UDP`
  if (port !== undefined) return `health-check on port ${port}`
  if (!isDuration(intervalMs) || !isDuration(timeoutMs)) return `a health-check every ${intervalMs} for ${timeoutMs} ms`
  const isPlain = rise === CHECK_DEFAULTS.rise && fall === CHECK_DEFAULTS.fall
  return isPlain ? undefined : 'health-check-rise or health-check-fall'
}
