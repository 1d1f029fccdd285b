import type { Placement } from '../desired/build-service.ts'
import type { ServiceProblem } from '../desired/demand.ts'
import { formatRecord, portText, sameRecord } from '../desired/record.ts'
import type { ServiceCondition, ServiceObject } from '../kube/objects.ts'
import type { ServiceWant } from '../kube/status.ts'
import { ALLOCATED_CONDITION, EXTERNAL_ADDRESS_ANNOTATION, PREFIX, PROGRAMMED_CONDITION } from '../model/names.ts'
import { describeProblem, type Problem } from '../model/problems.ts'
import { type FrontendKey, frontendKey } from '../model/table.ts'
import type { RunningClass, ServiceEvent } from './interfaces.ts'
import { finalizerOf, ourFinalizer, showsNoOther } from './ours.ts'
import type { ProxyResult } from './program-proxy.ts'
import { resultsAt, type Sites } from './sites.ts'

/** What a Service is to be told at the end of a pass. */
export interface Outcome {
  readonly want: ServiceWant
  readonly events: readonly ServiceEvent[]
}

/** API limit of metav1.Condition.message. Events are cut where they are written. */
const LONGEST_CONDITION = 32_768

/** The first of the two writes: what a Service is given, before any proxy hears of it. Undefined when it was given nothing. */
export function recordWant(
  placement: Placement,
  { spec, standing }: Pick<RunningClass, 'spec' | 'standing'>,
): ServiceWant | undefined {
  const { addresses, ports, demand } = placement
  if (addresses.length === 0) return undefined
  const record = formatRecord({
    className: spec.name,
    addresses,
    ports: ports.map(({ text, hosts }) => ({ text, hosts })),
  })
  // What a newer version has added would be lost for nothing while both take turns.
  const message = sameRecord(demand.service, record) ?? record
  const [add, before] = [finalizerOf(standing), ourFinalizer(demand.service)]
  return {
    conditions: [{ type: ALLOCATED_CONDITION, status: 'True', reason: 'Allocated', message }],
    // It came from a class of the other kind.
    finalizers: before === undefined || before === add ? { add } : { add, remove: [before] },
  }
}

/** The second write: what the proxies made of it, those that shall have any of its addresses. */
export function publishOutcome(
  placement: Placement,
  problems: readonly ServiceProblem[],
  allResults: readonly ProxyResult[],
  sites: Sites,
): Outcome {
  const { addresses, demand } = placement
  const { service } = demand
  if (addresses.length === 0) return notAllocated(service, problems)
  const results = resultsAt(addresses, allResults, sites)
  const ports = portOutcomes(placement, results, sites)
  const all = distinct([
    ...problems.map(({ problem }) => problem),
    ...ports.flatMap((one) => one.problem ?? []),
    ...results.flatMap(({ problem }) => problem ?? []),
    ...results.flatMap(({ heldBack }) => heldBack ?? []),
    ...noticesOf(ports, results),
  ])
  const condition = programmed(ports, results, all)
  return {
    want: {
      conditions: [condition],
      finalizers: {},
      ...publication(placement, ports, problems),
    },
    events: [...firstServed(service, condition, placement), ...warnings(service, all)],
  }
}

interface PortOutcome {
  readonly key: FrontendKey
  readonly address: string
  /** `443/TCP` */
  readonly text: string
  /** Names of the proxies that shall serve it. */
  readonly dueOn: readonly string[]
  /** Names of the proxies that serve it. */
  readonly servedBy: readonly string[]
  /** Why a reached proxy does not. */
  readonly problem: Problem | undefined
}

function portOutcomes(placement: Placement, results: readonly ProxyResult[], sites: Sites): readonly PortOutcome[] {
  const { addresses, ports } = placement
  return addresses.flatMap((address) => {
    const due = results.filter(({ proxy }) => sites(proxy, address))
    const reached = due.filter(({ problem }) => problem === undefined)
    const dueOn = due.map(({ proxy }) => proxy)
    return ports.map(({ port, protocol, text, hosts }) => {
      const key = frontendKey({ address, port, protocol, hosts })
      const refusals = reached.flatMap(({ refused }) => refused.get(key) ?? [])
      const servedBy = reached.filter(({ refused }) => !refused.has(key)).map(({ proxy }) => proxy)
      return { key, address, text, dueOn, servedBy, problem: refusals[0] }
    })
  })
}

/** What is to be known about frontends though they are served. */
function noticesOf(ports: readonly PortOutcome[], results: readonly ProxyResult[]): readonly Problem[] {
  const notices = results.flatMap((result) => result.notices)
  if (notices.length === 0) return []
  const keys = new Set(ports.map(({ key }) => key))
  return notices.flatMap(({ key, problem }) => (keys.has(key) ? problem : []))
}

function programmed(
  ports: readonly PortOutcome[],
  results: readonly ProxyResult[],
  problems: readonly Problem[],
): Pick<ServiceCondition, 'type' | 'status' | 'reason' | 'message'> {
  const whole = results
    .map(({ proxy }) => proxy)
    .filter((proxy) => ports.every(({ dueOn, servedBy }) => !dueOn.includes(proxy) || servedBy.includes(proxy)))
  const everywhere = ports.length > 0 && ports.every(({ servedBy }) => servedBy.length > 0)
  const partly = new Set(ports.flatMap(({ servedBy }) => servedBy)).difference(new Set(whole))
  const inPart = partly.size === 0 ? '' : `${whole.length > 0 ? ';' : ','} in part by ${[...partly].join(', ')}`
  const names = whole.length > 0 ? `: ${whole.join(', ')}` : ''
  const count = `Served by ${whole.length} of ${results.length} proxies${names}${inPart}`
  return {
    type: PROGRAMMED_CONDITION,
    status: everywhere ? 'True' : 'False',
    reason: everywhere ? 'Served' : (problems[0]?.code ?? 'Pending'),
    message: [count, ...problems.map(describeProblem)].join('. ').slice(0, LONGEST_CONDITION),
  }
}

/**
 * The address, where clients look for it: once one proxy serves it, and from then on until the Service goes. What it showed before and has no more
 * is taken away, since somebody else may be given it.
 */
function publication(
  placement: Placement,
  ports: readonly PortOutcome[],
  problems: readonly ServiceProblem[],
): Partial<Pick<ServiceWant, 'ingress' | 'annotations'>> {
  const { service } = placement.demand
  const served = new Set(ports.filter(({ servedBy }) => servedBy.length > 0).map(({ address }) => address))
  const annotated = service.metadata.annotations[EXTERNAL_ADDRESS_ANNOTATION]?.split(',') ?? []
  const before = service.spec.type === 'NodePort' ? annotated : service.status.loadBalancer.ingress.map(({ ip }) => ip)
  const shown = placement.addresses.filter((address) => served.has(address) || before.includes(address))
  if (service.spec.type === 'NodePort') {
    return shown.length === 0
      ? withdrawal(service)
      : { annotations: { [EXTERNAL_ADDRESS_ANNOTATION]: shown.join(',') } }
  }
  const ingress = shown.map((ip) => ({ ip, ipMode: 'Proxy' as const, ...portErrors(placement, ip, ports, problems) }))
  const annotations = annotated.length === 0 ? {} : { annotations: { [EXTERNAL_ADDRESS_ANNOTATION]: null } }
  return { ...(shown.length === 0 ? withdrawal(service) : { ingress }), ...annotations }
}

/** Takes away what a Service shows of ours: addresses of its record. Another controller may have put its own there. */
function withdrawal(service: ServiceObject): Partial<Pick<ServiceWant, 'ingress' | 'annotations'>> {
  const ours = service.status.loadBalancer.ingress.length > 0 && showsNoOther(service)
  const annotated = service.metadata.annotations[EXTERNAL_ADDRESS_ANNOTATION] !== undefined
  return {
    ...(ours ? { ingress: [] } : {}),
    ...(annotated ? { annotations: { [EXTERNAL_ADDRESS_ANNOTATION]: null } } : {}),
  }
}

/** Every port with its error, as the API wants it, once one of them has failed for good; nothing while all is well or a proxy is away. */
function portErrors(
  placement: Placement,
  address: string,
  ports: readonly PortOutcome[],
  problems: readonly ServiceProblem[],
): { readonly ports?: NonNullable<ServiceWant['ingress']>[number]['ports'] } {
  const listed = placement.demand.service.spec.ports.map((servicePort) => {
    const text = `${servicePort.port}/${servicePort.protocol}`
    const outcome = ports.find((one) => one.address === address && one.text === text)
    const asked = problems.find(({ port }) => port === text)?.problem
    const failed = outcome === undefined || outcome.servedBy.length === 0 ? (outcome?.problem ?? asked) : undefined
    const error = failed === undefined ? {} : { error: `${PREFIX}/${failed.code}` }
    return { port: servicePort.port, protocol: servicePort.protocol, ...error }
  })
  return listed.some((one) => 'error' in one) ? { ports: listed } : {}
}

function notAllocated(service: ServiceObject, problems: readonly ServiceProblem[]): Outcome {
  const all = distinct(problems.map(({ problem }) => problem))
  const message = all.map(describeProblem).join('. ').slice(0, LONGEST_CONDITION) || 'The Service has no port to serve'
  const reason = all[0]?.code ?? 'NoPorts'
  const conditions = [{ type: ALLOCATED_CONDITION, status: 'False' as const, reason, message }]
  const want = { conditions, removeConditions: [PROGRAMMED_CONDITION], finalizers: {}, ...withdrawal(service) }
  return { want, events: warnings(service, all) }
}

function distinct(problems: readonly Problem[]): readonly Problem[] {
  return [...new Map(problems.map((problem) => [describeProblem(problem), problem])).values()]
}

/** A problem is told once: afterwards the condition holds its text, across restarts too. */
function warnings(service: ServiceObject, problems: readonly Problem[]): readonly ServiceEvent[] {
  const told = service.status.conditions.map(({ message }) => message).join('\n')
  return problems
    .filter((problem) => !told.includes(describeProblem(problem)))
    .map((problem) => ({
      type: 'Warning',
      reason: problem.code,
      message: describeProblem(problem),
    }))
}

function firstServed(
  service: ServiceObject,
  now: Pick<ServiceCondition, 'status'>,
  placement: Placement,
): readonly ServiceEvent[] {
  const before = service.status.conditions.find(({ type }) => type === PROGRAMMED_CONDITION)
  if (now.status !== 'True' || before?.status === 'True') return []
  const { addresses, ports } = placement
  const list = ports.map(({ port, protocol }) => portText(port, protocol)).join(', ')
  return [{ type: 'Normal', reason: 'Served', message: `${addresses.join(', ')} serves ${list}` }]
}
