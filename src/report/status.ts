import type { Placement } from '../desired/build-service.ts'
import { formatPort } from '../desired/record.ts'
import type { ServiceCondition } from '../kube/objects.ts'
import { PROGRAMMED_CONDITION } from '../model/names.ts'
import { frontendKey, serviceName } from '../model/table.ts'
import { type PoolUse, poolUses } from './pools.ts'
import { gatherTroubles, type Trouble } from './problems.ts'
import { createServiceView, createServing, type ProxyServing, type Serving } from './served.ts'
import { API_VERSION, type ClassSurvey, endpointOf, isAsked, type ProxySurvey, type Survey } from './survey.ts'

/** `fairway status`, for programs. */
export interface StatusReport {
  readonly apiVersion: typeof API_VERSION
  readonly kind: 'Status'
  readonly cluster: string
  readonly problems: readonly Trouble[]
  readonly notes: readonly string[]
  readonly classes: readonly ClassStatus[]
}

export interface ClassStatus {
  readonly name: string
  readonly default: boolean
  readonly frontends: FrontendCount
  readonly pools: readonly PoolUse[]
  readonly proxies: readonly ProxyStatus[]
  readonly services: readonly ServiceStatus[]
}

export interface FrontendCount {
  readonly wanted: number
  /** On at least one proxy. Undefined: no proxy was asked, or none answered. */
  readonly served: number | undefined
}

export interface ProxyStatus {
  readonly name: string
  readonly endpoint: string
  readonly state: 'reachable' | 'unreachable' | 'troubled' | 'not asked'
  readonly revision: string | undefined
  /** Of ours, as it has them now. */
  readonly frontends: number | undefined
  readonly refused: number
  /** Changes that the operator has yet to make. */
  readonly pending: number
}

export interface ServiceStatus {
  readonly name: string
  readonly addresses: readonly string[]
  readonly ports: readonly string[]
  readonly serving: Serving
  /** Names of the proxies that serve all of it now. */
  readonly proxies: readonly string[]
  /** Since when the operator says that it is served (RFC 3339); undefined: it does not. */
  readonly since: string | undefined
}

/** How classes, proxies and Services fare. */
export function reportStatus(survey: Survey): StatusReport {
  return {
    apiVersion: API_VERSION,
    kind: 'Status',
    cluster: survey.cluster,
    problems: gatherTroubles(survey),
    notes: survey.notes,
    classes: survey.classes.map(classStatus),
  }
}

function classStatus(one: ClassSurvey): ClassStatus {
  const viewOf = createServiceView(one)
  return {
    name: one.spec.name,
    default: one.standing,
    frontends: countFrontends(one),
    pools: poolUses(one),
    proxies: one.proxies.map(proxyStatus),
    services: one.desired.placements.map((placement) => serviceStatus(placement, viewOf(placement))),
  }
}

function countFrontends({ desired, proxies }: ClassSurvey): FrontendCount {
  const keys = desired.table.frontends.map(frontendKey)
  const views = proxies.filter(({ observed }) => observed !== undefined).map(createServing)
  const isServed = (key: string) => views.some((servingOf) => ['yes', 'outdated'].includes(servingOf([key])))
  return { wanted: keys.length, served: views.length === 0 ? undefined : keys.filter(isServed).length }
}

/** What became of one proxy. */
export function proxyStatus(proxy: ProxySurvey): ProxyStatus {
  const { name, observed, plan, refused } = proxy
  return {
    name,
    endpoint: endpointOf(proxy),
    state: stateOf(proxy),
    revision: observed?.revision,
    frontends: observed && observed.table.frontends.length + observed.drifted.size,
    refused: refused.size,
    pending: plan === undefined ? 0 : plan.changes.filter(({ key }) => !refused.has(key)).length + plan.strays.length,
  }
}

function stateOf(proxy: ProxySurvey): ProxyStatus['state'] {
  if (!isAsked(proxy)) return 'not asked'
  if (proxy.observed === undefined) return 'unreachable'
  return proxy.problem === undefined && proxy.observed.trouble === undefined ? 'reachable' : 'troubled'
}

function serviceStatus({ demand, addresses, ports }: Placement, views: readonly ProxyServing[]): ServiceStatus {
  const whole = views.filter(({ serving }) => serving === 'yes' || serving === 'outdated')
  return {
    name: serviceName(demand.service.metadata),
    addresses,
    ports: ports.map(formatPort),
    serving: addresses.length === 0 ? 'no' : overall(views.map(({ serving }) => serving)),
    proxies: whole.map(({ proxy }) => proxy.name),
    since: servedSince(demand.service.status.conditions)?.lastTransitionTime,
  }
}

/** What several proxies make of one Service: what all say, or something between. */
export function overall(all: readonly Serving[]): Serving {
  const [first = 'no', ...others] = new Set(all)
  if (others.length === 0) return first
  const says = (...some: readonly Serving[]) => all.filter((one) => some.includes(one)).length
  if (says('yes', 'outdated') === all.length) return 'outdated'
  if (says('yes', 'outdated', 'in part') > 0) return 'in part'
  return says('no') > 0 ? 'no' : 'unknown'
}

/** The condition by which the operator says that a Service is served. */
export function servedSince(conditions: readonly ServiceCondition[]): ServiceCondition | undefined {
  return conditions.find(({ type, status }) => type === PROGRAMMED_CONDITION && status === 'True')
}
