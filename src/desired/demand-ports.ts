import type { ServiceObject, ServicePort } from '../kube/objects.ts'
import { coversHost } from '../model/hosts.ts'
import type { ProblemCode } from '../model/problems.ts'
import type { Settings } from './annotations.ts'
import { type PortDemand, type ServiceProblem, serviceProblem } from './demand.ts'
import { isWildcard } from './host-index.ts'
import { type AllocationRecord, portText, readPortText } from './record.ts'
import type { ClassRules, ClassSpec } from './spec.ts'

/** The ports that a Service asks for and may have. What it may not have is a problem, and harms no other port. */
export function readPorts(
  service: ServiceObject,
  spec: Pick<ClassSpec, 'rules' | 'podRanges'>,
  settings: Settings,
  problems: ServiceProblem[],
): readonly PortDemand[] {
  const podsPossible = spec.podRanges.length > 0 || settings.whole('targets') === 'pods'
  const read = service.spec.ports.map((servicePort): PortDemand | undefined => {
    const port = settings.ports === undefined ? servicePort.port : settings.ports(servicePort)
    if (port === undefined) return undefined
    const refusal = refusePort(service, servicePort, port, spec.rules, podsPossible)
    if (refusal !== undefined) problems.push(refusal)
    const { protocol } = servicePort
    if (refusal !== undefined || protocol === 'SCTP') return undefined
    const text = portText(port, protocol)
    const asked = settings.hostsFor(servicePort)
    const hosts = asked.length === 0 ? asked : allowHosts(service, asked, text, spec.rules, problems)
    // Without its hosts it would get all that no other takes.
    if (asked.length > 0 && hosts.length === 0) return undefined
    return { servicePort, port, protocol, hosts, nodePort: servicePort.nodePort || undefined, text }
  })
  return read.every((port) => port !== undefined) ? read : read.filter((port) => port !== undefined)
}

function allowHosts(
  service: ServiceObject,
  asked: readonly string[],
  text: string,
  rules: ClassRules,
  problems: ServiceProblem[],
): readonly string[] {
  return asked.filter((host) => {
    const refused = refuseHost(service, host, text, rules)
    if (refused !== undefined) problems.push(refused)
    return refused === undefined
  })
}

/**
 * What a Service holds, as it would ask for it. The frontends are held as they are, so the node port of one that the Service has no more is never
 * used.
 */
export function recordedPorts(
  service: ServiceObject,
  record: AllocationRecord | undefined,
  asked: readonly PortDemand[],
  rules: ClassRules,
): readonly PortDemand[] {
  const { namespace } = service.metadata
  return (record?.ports ?? []).flatMap(({ text, hosts }) => {
    const { port, protocol } = readPortText(text)
    const allowed = hosts.filter((host) => reservation(host, namespace, rules) === undefined)
    if (isForbidden(port, namespace, rules) || (hosts.length > 0 && allowed.length === 0)) return []
    const known = asked.find((one) => one.text === text)
    const { servicePort = { port, protocol }, nodePort = 0 } = known ?? {}
    return { servicePort, port, protocol, hosts: allowed, nodePort, text }
  })
}

function refusePort(
  service: ServiceObject,
  { protocol, nodePort }: ServicePort,
  port: number,
  rules: ClassRules,
  podsPossible: boolean,
): ServiceProblem | undefined {
  const text = `${port}/${protocol}`
  const refuse = (code: ProblemCode, what: string, remedy: string) => serviceProblem(service, code, what, remedy, text)
  if (protocol === 'SCTP')
    return refuse('ProtocolUnsupported', `asks for ${text}; SCTP is not served`, 'Use TCP or UDP')
  if (rules.deniedPorts.has(port))
    return refuse('PortDenied', `asks for port ${text}, which its class never gives`, 'Choose another port')
  if (isForbidden(port, service.metadata.namespace, rules)) {
    const what = `asks for port ${text}, which its class keeps for ${listNamespaces(rules.reservedPorts.get(port))}`
    return refuse(
      'PortReserved',
      what,
      'Choose another port, or have the namespace added to ports.reserve of the class',
    )
  }
  if (nodePort || podsPossible) return undefined
  const remedy =
    'Remove allocateLoadBalancerNodePorts: false, give the port a nodePort, or have pods.cidrs set in the class'
  return refuse('NodePortMissing', `has no node port for port ${text}`, remedy)
}

function refuseHost(service: ServiceObject, host: string, text: string, rules: ClassRules): ServiceProblem | undefined {
  const pattern = reservation(host, service.metadata.namespace, rules)
  if (pattern === undefined) return undefined
  const as = pattern === host ? '' : ` as ${pattern}`
  const keepers = listNamespaces(rules.reservedHosts.get(pattern))
  const what = `asks for host ${host} on port ${text}, which its class keeps for ${keepers}${as}`
  const remedy = 'Choose another host, or have the namespace added to hosts of the class'
  return serviceProblem(service, 'HostReserved', what, remedy, text)
}

/** Never given, or not to this namespace. */
function isForbidden(port: number, namespace: string, { deniedPorts, reservedPorts }: ClassRules): boolean {
  return deniedPorts.has(port) || reservedPorts.get(port)?.includes(namespace) === false
}

/**
 * The reserved name or wildcard that keeps a host from a namespace, or undefined. A name that is reserved itself goes to its namespaces even when a
 * wildcard of others covers it; a wildcard takes in names, so all that it touches must be the namespace's.
 */
function reservation(host: string, namespace: string, { reservedHosts }: ClassRules): string | undefined {
  const own = reservedHosts.get(host)
  if (own !== undefined && !isWildcard(host)) return own.includes(namespace) ? undefined : host
  for (const [pattern, namespaces] of reservedHosts) {
    const touches = coversHost(pattern, host) || coversHost(host, pattern)
    if (touches && !namespaces.includes(namespace)) return pattern
  }
  return undefined
}

function listNamespaces(namespaces: readonly string[] = []): string {
  if (namespaces.length === 0) return 'nobody'
  return `${namespaces.length === 1 ? 'namespace' : 'namespaces'} ${namespaces.join(', ')}`
}
