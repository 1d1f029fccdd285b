import type { ServiceObject, ServicePort } from '../kube/objects.ts'
import { CHECK_DEFAULTS } from '../model/checks.ts'
import type { CheckKind, HealthCheck } from '../model/table.ts'
import type { Settings } from './annotations.ts'
import { type ServiceProblem, serviceProblem } from './demand.ts'
import { portText } from './record.ts'

/** kube-proxy's `--healthz-bind-address`: asks for the node itself, where a node port would ask a random pod (KEP-3836). */
const KUBE_PROXY_HEALTH_PORT = 10_256

type PaceName = 'health-check-interval' | 'health-check-timeout' | 'health-check-rise' | 'health-check-fall'
type Pace = Pick<HealthCheck, 'intervalMs' | 'timeoutMs' | 'rise' | 'fall'>

/** How often and how patiently to check, by annotation values; what is not said is CHECK_DEFAULTS'. */
export function paceOf(read: (name: PaceName) => number | undefined): Pace {
  return {
    intervalMs: read('health-check-interval') ?? CHECK_DEFAULTS.intervalMs,
    timeoutMs: read('health-check-timeout') ?? CHECK_DEFAULTS.timeoutMs,
    rise: read('health-check-rise') ?? CHECK_DEFAULTS.rise,
    fall: read('health-check-fall') ?? CHECK_DEFAULTS.fall,
  }
}

/** A check that somebody asks for, of the port that traffic goes to. */
export function askedCheck(kind: CheckKind, pace: Pace): HealthCheck {
  return { kind, port: undefined, ...pace, derived: false }
}

export interface Checked {
  readonly check: HealthCheck | undefined
  /** Set when the Service itself asks for what cannot be; it is served without a check then. */
  readonly problem: ServiceProblem | undefined
}

/**
 * The check of one port of a Service.
 *
 * | asked  | on nodes                                         | on pods          |
 * | ------ | ------------------------------------------------ | ---------------- |
 * | tcp    | connects to the node port                        | connects         |
 * | http   | as derived, and a proxy that cannot do it says so| told: Unsupported|
 * | off    | none                                             | none             |
 * | nothing| derived: http on the port that tells of the node | none             |
 */
export function checkFor(service: ServiceObject, port: ServicePort, settings: Settings, on: 'nodes' | 'pods'): Checked {
  const kind = settings.forPort('health-check', port)
  const derived = kind === undefined && !settings.said('health-check', port)
  const asks = on === 'nodes' ? nodeHealthPort(service) : undefined
  if (kind === undefined && (!derived || asks === undefined)) return { check: undefined, problem: undefined }
  const pace = paceOf((name) => settings.forPort(name, port))
  if (kind === 'tcp') return { check: askedCheck(kind, pace), problem: undefined }
  if (asks !== undefined) return { check: { kind: 'http', port: asks, ...pace, derived }, problem: undefined }
  const problem = settings.asked('health-check', port) ? nothingToAsk(service, port, on) : undefined
  return { check: undefined, problem }
}

/**
 * The port at which a node says over HTTP whether traffic of a Service may come to it: under externalTrafficPolicy Local the Service's own, which only
 * those of type LoadBalancer have (core/v1 ServiceSpec), otherwise kube-proxy's.
 */
export function nodeHealthPort({ spec }: ServiceObject): number | undefined {
  if (spec.externalTrafficPolicy !== 'Local') return KUBE_PROXY_HEALTH_PORT
  return spec.type === 'LoadBalancer' && spec.healthCheckNodePort !== 0 ? spec.healthCheckNodePort : undefined
}

function nothingToAsk(service: ServiceObject, { port, protocol }: ServicePort, on: 'nodes' | 'pods'): ServiceProblem {
  const why =
    on === 'pods'
      ? 'its targets are pods, whose readiness Kubernetes itself checks'
      : 'under externalTrafficPolicy Local it has no healthCheckNodePort'
  const text = protocol === 'SCTP' ? undefined : portText(port, protocol)
  const what = `asks for health-check http on port ${port}/${protocol}, and ${why}`
  return serviceProblem(service, 'Unsupported', what, 'Set fairway.dev/health-check to tcp or off', text)
}
