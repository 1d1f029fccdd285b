import type { ServiceObject } from '../kube/objects.ts'
import type { Problem } from '../model/problems.ts'
import { type Frontend, type FrontendKey, frontendKey } from '../model/table.ts'
import type { Allocation } from './allocate.ts'
import type { Settings } from './annotations.ts'
import { checkFor } from './checks.ts'
import { type ServiceProblem, serviceProblem } from './demand.ts'
import { buildFrontends, readRanges } from './frontend.ts'
import type { Groups } from './groups.ts'
import type { ClassSpec } from './spec.ts'
import { findWays, hasNoNodePort, type Way } from './ways.ts'

/** One Service with what it was given and how it wants to be served. */
export interface Placement {
  readonly allocation: Allocation
  readonly settings: Settings
}

export interface BuiltService {
  readonly uid: string
  readonly frontends: readonly Frontend[]
  readonly ways: readonly Way[]
  readonly problems: readonly ServiceProblem[]
  /** Ports that it was given and that are not served, and why. */
  readonly closed: readonly (readonly [FrontendKey, Problem])[]
}

/** Builds the frontends of one Service. Nothing of another Service comes into it. */
export function buildService(placement: Placement, groups: Groups, spec: ClassSpec): BuiltService {
  const { allocation, settings } = placement
  const { service } = allocation.demand
  const { uid } = service.metadata
  const ranges = service.spec.type === 'LoadBalancer' ? readRanges(service.spec.loadBalancerSourceRanges) : []
  if (ranges === undefined) {
    // Without ranges that can be read, nobody may be let in.
    const reason = badRanges(service)
    const closed = closeBecause(reason, allocation.ports, allocation)
    return { uid, frontends: [], ways: [], problems: [reason], closed }
  }
  const [open, impossible] = splitPorts(placement, spec)
  const { ways, problems } = findWays(service, open, settings, groups, spec)
  // What is held is not built from what is found here.
  const readable = unreadableBecause(settings) === undefined
  const told = readable ? [...problems] : []
  const frontends: Frontend[] = []
  for (const { port, on, group, targetPort } of ways) {
    const { check, problem } = checkFor(service, port.servicePort, settings, on)
    if (problem !== undefined) told.push(problem)
    const lead = { group: group.id, targetPort, healthCheck: check }
    frontends.push(...buildFrontends(service, allocation.addresses, port, lead, ranges, settings))
  }
  const asked = readable && settings.whole('targets') === 'pods' && spec.podRanges.length === 0
  if (impossible.length === 0 && !asked) return { uid, frontends, ways, problems: told, closed: [] }
  const reason = podsForbidden(service, impossible.length === 0)
  const closed = closeBecause(reason, impossible, allocation)
  return { uid, frontends, ways, problems: [...told, reason], closed }
}

type Ports = Allocation['ports']

/** The ports that can be served, and those that could lead to pods only where the class lets no pod be a target. What is held was possible once. */
function splitPorts({ allocation, settings }: Placement, spec: ClassSpec): readonly [open: Ports, impossible: Ports] {
  const { ports } = allocation
  if (spec.podRanges.length > 0 || !ports.some(hasNoNodePort) || unreadableBecause(settings) !== undefined)
    return [ports, []]
  return [ports.filter((port) => !hasNoNodePort(port)), ports.filter(hasNoNodePort)]
}

function closeBecause({ problem }: ServiceProblem, ports: Ports, { addresses }: Allocation): BuiltService['closed'] {
  return addresses.flatMap((address) => ports.map((port) => [frontendKey({ ...port, address }), problem] as const))
}

/** Why the wishes of a Service cannot be read. An unknown annotation is no reason: it may be meant for a newer version. */
export function unreadableBecause(settings: Settings): Problem | undefined {
  return settings.problems.find(({ code }) => code === 'AnnotationInvalid')
}

function badRanges(service: ServiceObject): ServiceProblem {
  const what = `has loadBalancerSourceRanges ${service.spec.loadBalancerSourceRanges.join(', ')}, not all of which are CIDRs`
  return serviceProblem(service, 'AddressInvalid', what, 'Correct spec.loadBalancerSourceRanges')
}

function podsForbidden(service: ServiceObject, byNodes: boolean): ServiceProblem {
  const instead = byNodes ? '; its node ports are used' : ''
  const what = `leads to pods, and its class lets no pod be a target${instead}`
  const remedy = 'Set pods.cidrs of the class, or use node ports (fairway.dev/targets: nodes)'
  return serviceProblem(service, 'Unsupported', what, remedy)
}
