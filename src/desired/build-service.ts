import type { ServiceObject } from '../kube/objects.ts'
import type { Problem } from '../model/problems.ts'
import { type Frontend, type FrontendKey, frontendKey, sortFrontends } from '../model/table.ts'
import type { Allocation } from './allocate.ts'
import type { Settings } from './annotations.ts'
import { type Demand, type ServiceProblem, serviceProblem } from './demand.ts'
import { buildFrontends, readRanges } from './frontend.ts'
import type { StyleOf } from './style.ts'
import { findWays, hasNoNodePort, type Sight, type Way, type WayContext } from './ways.ts'

/** What a Service asks for, and how it wants to be served. */
export interface Wish extends Demand {
  readonly settings: Settings
  /** What is wrong with the class that it names, though it is served. */
  readonly aboutClass: Problem | undefined
}

/** One Service with what it was given. */
export type Placement = Allocation<Wish>

/** All that the Services of a class are built from, beside what they are given. */
export interface BuildContext extends WayContext {
  readonly styleOf: StyleOf
}

export interface BuiltService extends Sight {
  readonly placement: Placement
  readonly frontends: readonly Frontend[]
  /** All that is to be told to the Service: about its class, its annotations, what it is given, and where that leads. */
  readonly problems: readonly ServiceProblem[]
  /** Frontends of a Service whose wishes cannot be read, and ports that it was given and that are not served: with the reason. */
  readonly held: readonly (readonly [FrontendKey, Problem])[]
}

const NOTHING: Omit<BuiltService, 'placement' | 'problems'> = {
  nodes: undefined,
  noNodes: false,
  pods: [],
  frontends: [],
  held: [],
}

/** Builds the frontends of one Service. Nothing of another Service comes into it. */
export function buildService(placement: Placement, context: BuildContext): BuiltService {
  const { addresses, ports, demand } = placement
  const { service } = demand
  if (addresses.length === 0) return { ...NOTHING, placement, problems: gatherProblems(placement, []) }
  const ranges = service.spec.type === 'LoadBalancer' ? readRanges(service.spec.loadBalancerSourceRanges) : []
  if (ranges !== undefined) return buildOpen(placement, ranges, context)
  // Without ranges that can be read, nobody may be let in.
  const reason = badRanges(service)
  const held = holdPorts(ports, placement, reason)
  return { ...NOTHING, placement, problems: gatherProblems(placement, [reason]), held }
}

function buildOpen(placement: Placement, ranges: readonly string[], context: BuildContext): BuiltService {
  const { service, settings } = placement.demand
  const [open, impossible] = splitPorts(placement, context.spec)
  const { ways, nodes, noNodes, pods, problems } = findWays(service, open, settings, context)
  const { frontends, problems: ofStyles } = listen(ways, placement, ranges, context.styleOf)
  const unreadable = unreadableBecause(settings)
  if (unreadable !== undefined) {
    // What is held is not built from what is found here.
    const held = sortFrontends(frontends).map((frontend) => [frontendKey(frontend), unreadable] as const)
    return { placement, frontends, nodes, noNodes, pods, problems: gatherProblems(placement, ofStyles), held }
  }
  const isAsked = context.spec.podRanges.length === 0 && settings.whole('targets') === 'pods'
  const reason = impossible.length > 0 || isAsked ? podsForbidden(service, impossible.length === 0) : undefined
  const told = reason === undefined ? [...problems, ...ofStyles] : [...problems, ...ofStyles, reason]
  const held = reason === undefined ? [] : holdPorts(impossible, placement, reason)
  return { placement, frontends, nodes, noNodes, pods, problems: gatherProblems(placement, told), held }
}

function listen(
  ways: readonly Way[],
  { addresses, demand }: Placement,
  ranges: readonly string[],
  styleOf: StyleOf,
): Pick<BuiltService, 'frontends' | 'problems'> {
  const { service, settings } = demand
  const problems: ServiceProblem[] = []
  const frontends = ways.flatMap((way) => {
    const style = styleOf(service, way.port.servicePort, settings, way.on)
    if (style.problem !== undefined) problems.push(style.problem)
    return buildFrontends(service, addresses, way, ranges, style)
  })
  return { frontends, problems }
}

function gatherProblems({ demand, problems }: Placement, found: readonly ServiceProblem[]): readonly ServiceProblem[] {
  const { settings, aboutClass } = demand
  if (aboutClass === undefined && settings.problems.length + problems.length + found.length === 0) return found
  const whole = aboutClass === undefined ? settings.problems : [aboutClass, ...settings.problems]
  return [...whole.map((problem) => ({ problem, port: undefined })), ...problems, ...found]
}

type Ports = Placement['ports']

/** The ports that can be served, and those that could lead to pods only where the class lets no pod be a target. What is held was possible once. */
function splitPorts(
  { ports, demand: { settings } }: Placement,
  { podRanges }: BuildContext['spec'],
): readonly [open: Ports, impossible: Ports] {
  if (podRanges.length > 0 || !ports.some(hasNoNodePort) || unreadableBecause(settings) !== undefined)
    return [ports, []]
  return [ports.filter((port) => !hasNoNodePort(port)), ports.filter(hasNoNodePort)]
}

function holdPorts(ports: Ports, { addresses }: Placement, { problem }: ServiceProblem): BuiltService['held'] {
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
