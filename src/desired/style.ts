import type { ServiceObject, ServicePort } from '../kube/objects.ts'
import type { Frontend } from '../model/table.ts'
import type { Settings } from './annotations.ts'
import { checkFor, nodeHealthPort } from './checks.ts'
import type { ServiceProblem } from './demand.ts'

/** What Kubernetes sets where a Service says ClientIP alone (core/v1 ClientIPConfig). */
const AFFINITY_SECONDS = 10_800

/** How a port of a Service is served, wherever that is. */
export interface Style
  extends Pick<
    Frontend,
    'proxyProtocol' | 'balance' | 'healthCheck' | 'affinityMs' | 'idleTimeoutMs' | 'maxConnections'
  > {
  /** Set when the Service asks for a check that cannot be. */
  readonly problem: ServiceProblem | undefined
}

export type StyleOf = (service: ServiceObject, port: ServicePort, settings: Settings, on: 'nodes' | 'pods') => Style

/** Reads the style of one port. The Service's own annotation wins over its session affinity, and that over the class's default. */
export const readStyle: StyleOf = (service, port, settings, on) => {
  const { check, problem } = checkFor(service, port, settings, on)
  const affinityMs = affinityOf(service)
  const isSticky = affinityMs !== undefined && !settings.asked('balance', port)
  return {
    proxyProtocol: settings.forPort('proxy-protocol', port) ?? 'off',
    balance: isSticky ? 'source' : (settings.forPort('balance', port) ?? 'round-robin'),
    healthCheck: check,
    affinityMs: isSticky ? affinityMs : undefined,
    idleTimeoutMs: settings.forPort('idle-timeout', port),
    maxConnections: settings.forPort('max-connections', port),
    problem,
  }
}

function affinityOf({ spec }: ServiceObject): number | undefined {
  if (spec.sessionAffinity !== 'ClientIP') return undefined
  return (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? AFFINITY_SECONDS) * 1_000
}

/** Reads styles, and takes that of the port before where nothing tells the two apart: most Services say nothing of their own. */
export function createStyles(): StyleOf {
  let last: { readonly facts: Facts; readonly style: Style } | undefined
  return (service, port, settings, on) => {
    if (!settings.plain) return readStyle(service, port, settings, on)
    const facts = {
      settings,
      protocol: port.protocol,
      on,
      asks: nodeHealthPort(service),
      affinityMs: affinityOf(service),
    }
    if (last === undefined || !sameFacts(last.facts, facts))
      last = { facts, style: readStyle(service, port, settings, on) }
    return last.style
  }
}

/** All that the style of a port depends on, where the Service says nothing of its own. */
interface Facts {
  readonly settings: Settings
  readonly protocol: ServicePort['protocol']
  readonly on: 'nodes' | 'pods'
  readonly asks: number | undefined
  readonly affinityMs: number | undefined
}

function sameFacts(a: Facts, b: Facts): boolean {
  return (
    a.settings === b.settings &&
    a.protocol === b.protocol &&
    a.on === b.on &&
    a.asks === b.asks &&
    a.affinityMs === b.affinityMs
  )
}
