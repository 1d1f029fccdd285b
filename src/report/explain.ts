import type { Placement } from '../desired/build-service.ts'
import { createGroups } from '../desired/groups.ts'
import { poolWith } from '../desired/pool-use.ts'
import { formatPort, recordOf } from '../desired/record.ts'
import { hasNoNodePort, leadsToPods } from '../desired/ways.ts'
import type { ServiceObject } from '../kube/objects.ts'
import { ALLOCATED_CONDITION, CLASS_ANNOTATION, PREFIX } from '../model/names.ts'
import { didYouMean } from '../model/nearest.ts'
import { serviceName } from '../model/table.ts'
import { judgeNodes, type NodeVerdict } from './explain-nodes.ts'
import { type Trouble, troubleOf, troublesAbout } from './problems.ts'
import { describeRivals, isOverwritten } from './rivals.ts'
import { createServiceView, type Serving } from './served.ts'
import { servedSince } from './status.ts'
import { API_VERSION, type ClassSurvey, endpointOf, type Survey } from './survey.ts'

/** `fairway explain service`, for programs. */
export interface ServiceExplanation {
  readonly apiVersion: typeof API_VERSION
  readonly kind: 'ServiceExplanation'
  readonly service: string
  /** Undefined: it is none of Fairway's. */
  readonly class: string | undefined
  /** Why it is of that class, or of none. */
  readonly why: string
  readonly problems: readonly Trouble[]
  readonly addresses: readonly AddressReason[]
  readonly ports: readonly PortReason[]
  readonly nodes: readonly NodeVerdict[]
  readonly proxies: readonly ProxyReason[]
  /** Since when the operator says that it is served (RFC 3339); undefined: it does not. */
  readonly since: string | undefined
  readonly notes: readonly string[]
}

export interface AddressReason {
  readonly address: string
  readonly pool: string | undefined
  readonly why: string
  /** Other Services that have it too. */
  readonly sharedWith: readonly string[]
}

export interface PortReason {
  /** `443/TCP`, or with hosts `443/TCP=a.example` */
  readonly port: string
  /** Whether it was given, on all of the addresses. */
  readonly given: boolean
  readonly leadsTo: 'nodes' | 'pods'
  /** Of the nodes, where it leads to them. */
  readonly nodePort: number | undefined
  /** Addresses of pods, where it leads to them. */
  readonly pods: readonly string[]
}

export interface ProxyReason {
  readonly name: string
  readonly endpoint: string
  readonly serving: Serving
  readonly frontends: readonly string[]
}

/** Explains one Service; undefined when there is none of that name. */
export function explainService(survey: Survey, name: string): ServiceExplanation | undefined {
  const service = survey.state.services.find(({ metadata }) => serviceName(metadata) === name)
  if (service === undefined) return undefined
  const common = { apiVersion: API_VERSION, kind: 'ServiceExplanation', service: name, notes: survey.notes } as const
  for (const one of survey.classes) {
    const placement = one.desired.placements.find(({ demand }) => demand.service === service)
    if (placement === undefined) continue
    const problems = [...troublesAbout(survey, name), ...rivalTroubles(service), ...proxyTroubles(one, placement)]
    return { ...common, problems, ...explainPlacement(placement, one, survey) }
  }
  const nothing = { class: undefined, addresses: [], ports: [], nodes: [], proxies: [], since: undefined }
  return { ...common, ...nothing, why: whyNone(service, survey), problems: troublesAbout(survey, name) }
}

/** ` (did you mean "default/web"?)` or nothing. */
export function suggestService({ state }: Survey, name: string): string {
  return didYouMean(
    name,
    state.services.map(({ metadata }) => serviceName(metadata)),
  )
}

function explainPlacement(
  placement: Placement,
  one: ClassSurvey,
  { state }: Survey,
): Omit<ServiceExplanation, 'apiVersion' | 'kind' | 'service' | 'notes' | 'problems'> {
  const { demand } = placement
  const ports = explainPorts(placement, one, state)
  const proxies = createServiceView(one)(placement).map(({ proxy, keys, serving }) => {
    return { name: proxy.name, endpoint: endpointOf(proxy), serving, frontends: keys }
  })
  return {
    class: one.spec.name,
    why: whyClass(demand.service, one),
    addresses: placement.addresses.map((address) => explainAddress(address, placement, one)),
    ports,
    nodes: ports.some(({ leadsTo }) => leadsTo === 'nodes') ? judgeNodes(demand, one.spec, state) : [],
    proxies,
    since: servedSince(demand.service.status.conditions)?.lastTransitionTime,
  }
}

/** Who it is takes a request more, which doctor makes. */
function rivalTroubles(service: ServiceObject): readonly Trouble[] {
  const { metadata } = service
  return isOverwritten(service) ? [troubleOf(`Service ${serviceName(metadata)}`, describeRivals(service, []))] : []
}

/** What keeps it from being known what the proxies that shall serve a Service have. */
function proxyTroubles(one: ClassSurvey, placement: Placement): readonly Trouble[] {
  return createServiceView(one)(placement).flatMap(({ proxy: { name, problem, observed } }) => {
    const trouble = problem ?? observed?.trouble
    return trouble === undefined ? [] : troubleOf(`proxy ${name}`, trouble)
  })
}

function whyClass({ metadata, spec }: ServiceObject, one: ClassSurvey): string {
  const annotated = metadata.annotations[CLASS_ANNOTATION]
  if (annotated !== undefined && annotated === one.spec.name) return `its annotation ${CLASS_ANNOTATION} names it`
  if (spec.type === 'LoadBalancer' && spec.loadBalancerClass !== undefined)
    return `its spec.loadBalancerClass is ${spec.loadBalancerClass}`
  if (annotated === undefined && one.standing) return 'it names none, and this one is the default for type LoadBalancer'
  return 'it holds what this class gave'
}

function whyNone(service: ServiceObject, { selections, classes }: Survey): string {
  const selection = selections.find((one) => one.service === service)
  if (selection?.kind === 'refused') return 'It asks for Fairway in a way that cannot be served'
  if (selection?.kind === 'released') return 'It was served, and is being let go'
  const { type, loadBalancerClass } = service.spec
  const names = classes.map(({ spec }) => spec.name).join(', ')
  const how = `kubectl annotate service -n ${service.metadata.namespace} ${service.metadata.name} ${CLASS_ANNOTATION}=CLASS, with one of: ${names}`
  if (type === 'LoadBalancer' && loadBalancerClass !== undefined)
    return `Its spec.loadBalancerClass ${loadBalancerClass} is another controller's. To serve it, create it anew with ${PREFIX}/CLASS`
  if (type === 'LoadBalancer') return `It names no class, and none is the default. To serve it: ${how}`
  return `It is of type ${type} and names no class. To serve it${type === 'NodePort' ? '' : ', make it a LoadBalancer or NodePort Service, and'}: ${how}`
}

function explainAddress(address: string, { demand, addresses }: Placement, one: ClassSurvey): AddressReason {
  const { service } = demand
  const record = recordOf(service)
  const pool = poolWith(one.spec.pools, address)
  const others = one.desired.placements.filter((other) => other.demand !== demand && other.addresses.includes(address))
  const asked = demand.addresses.includes(address)
  const wish = asked ? 'the Service asks for it' : undefined
  const at = service.status.conditions.find(({ type }) => type === ALLOCATED_CONDITION)?.lastTransitionTime
  const kept = record?.addresses.includes(address) === true ? `recorded on the Service since ${at}` : undefined
  const site = pool !== undefined && pool.proxies.length > 0 ? ` at ${pool.proxies.join(', ')}` : ''
  const free = `the first of pool ${pool?.name ?? '?'}${site} that has its ports free`
  return {
    address,
    pool: pool?.name,
    why: [kept, wish].filter((text) => text !== undefined).join('; ') || (addresses.length > 0 ? free : ''),
    sharedWith: others.map((other) => serviceName(other.demand.service.metadata)),
  }
}

function explainPorts(
  { demand, ports }: Placement,
  { spec }: ClassSurvey,
  state: Survey['state'],
): readonly PortReason[] {
  const groups = createGroups(spec)(state)
  return demand.ports.map((asked) => {
    const given = ports.find(({ text }) => text === asked.text)
    const port = formatPort(given ?? asked)
    if (!leadsToPods(asked, demand.settings, spec))
      return { port, given: given !== undefined, leadsTo: 'nodes', nodePort: asked.nodePort, pods: [] }
    const targets =
      hasNoNodePort(asked) && spec.podRanges.length === 0 ? [] : groups.byPods(demand.service, asked).group.targets
    const pods = targets.map(({ address }) => address)
    return { port, given: given !== undefined, leadsTo: 'pods', nodePort: undefined, pods }
  })
}
