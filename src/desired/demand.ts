import type { ServiceObject, ServicePort } from '../kube/objects.ts'
import { canonicalAddress, type Family, familyOf } from '../model/address.ts'
import type { Problem, ProblemCode } from '../model/problems.ts'
import { type Protocol, serviceName } from '../model/table.ts'
import type { Sharing } from './annotation-values.ts'
import type { Settings } from './annotations.ts'
import { type AllocationRecord, portText, recordOf } from './record.ts'

/** A problem of one Service; `port` (`443/TCP`) where it concerns one of its ports only. */
export interface ServiceProblem {
  readonly problem: Problem
  readonly port: string | undefined
}

export interface PortDemand {
  readonly servicePort: ServicePort
  /** Of the frontend. */
  readonly port: number
  readonly protocol: Protocol
  readonly nodePort: number
  /** `443/TCP` */
  readonly text: string
}

/** What one Service asks of the address pools. */
export interface Demand {
  readonly service: ServiceObject
  /** Wanted addresses, canonical; empty: any. */
  readonly addresses: readonly string[]
  readonly pool: string | undefined
  /** In order of preference. */
  readonly families: readonly Family[]
  /** Whether one of several families is enough. */
  readonly degradable: boolean
  readonly sharing: Sharing
  readonly ports: readonly PortDemand[]
  readonly record: AllocationRecord | undefined
  readonly problems: readonly ServiceProblem[]
}

/** A problem of a Service as a value; the message begins with the Service's name. */
export function serviceProblem(
  service: ServiceObject,
  code: ProblemCode,
  what: string,
  remedy: string,
  port?: string,
): ServiceProblem {
  const kind = code === 'Unsupported' || code === 'ProtocolUnsupported' ? 'unsupported' : 'terminal'
  return { port, problem: { code, kind, message: `Service ${serviceName(service.metadata)} ${what}`, remedy } }
}

/**
 * Reads what a Service asks of the pools. `className` is the class that serves it, `denied` are ports that class never gives. While an annotation
 * is malformed, a Service asks for what is recorded on it and nothing else: what it would get by guessing, it would keep.
 */
export function demandOf(
  service: ServiceObject,
  className: string,
  settings: Settings,
  denied: ReadonlySet<number>,
): Demand {
  const problems: ServiceProblem[] = []
  const ports = service.spec.ports.flatMap((port) => demandPort(service, port, settings, denied, problems))
  const addresses = wantedAddresses(service, settings, problems)
  const found = recordOf(service)
  // An address of another class says nothing about this one's pools.
  const record = found?.className === className ? found : undefined
  const demand: Demand = {
    service,
    addresses,
    pool: settings.whole('pool'),
    ...wantedFamilies(service, settings, addresses),
    sharing: settings.whole('sharing') ?? 'any',
    ports,
    record,
    problems,
  }
  // Whoever wants an address that cannot be understood would keep for good what it got in its place.
  const guessed = record === undefined && problems.some(({ problem }) => problem.code === 'AddressInvalid')
  const unreadable = guessed || settings.problems.some(({ code }) => code === 'AnnotationInvalid')
  return unreadable ? { ...demand, ...asRecorded(demand) } : demand
}

/** What a Service holds, as a demand. Its frontends are held as they are, so the node port of one that the Service has no more is never used. */
function asRecorded({ record, ports }: Demand): Pick<Demand, 'addresses' | 'families' | 'ports'> {
  const held = (record?.ports ?? []).map((text): PortDemand => {
    const [number, name] = text.split('/')
    const protocol = name === 'UDP' ? 'UDP' : 'TCP'
    const port = Number(number)
    return (
      ports.find((one) => one.text === text) ?? { servicePort: { port, protocol }, port, protocol, nodePort: 0, text }
    )
  })
  return { addresses: [], families: (record?.addresses ?? []).map(familyOf), ports: held }
}

function demandPort(
  service: ServiceObject,
  servicePort: ServicePort,
  settings: Settings,
  denied: ReadonlySet<number>,
  problems: ServiceProblem[],
): PortDemand[] {
  const { protocol, nodePort } = servicePort
  const port = settings.ports === undefined ? servicePort.port : settings.ports(servicePort)
  if (port === undefined) return []
  const text = `${port}/${protocol}`
  if (protocol === 'SCTP') {
    problems.push(
      serviceProblem(service, 'ProtocolUnsupported', `asks for ${text}; SCTP is not served`, 'Use TCP or UDP', text),
    )
    return []
  }
  if (denied.has(port)) {
    problems.push(
      serviceProblem(
        service,
        'PortDenied',
        `asks for port ${text}, which its class never gives`,
        'Choose another port',
        text,
      ),
    )
    return []
  }
  if (nodePort === undefined || nodePort === 0) {
    const remedy = 'Remove allocateLoadBalancerNodePorts: false, or give the port a nodePort'
    problems.push(serviceProblem(service, 'NodePortMissing', `has no node port for port ${text}`, remedy, text))
    return []
  }
  return [{ servicePort, port, protocol, nodePort, text: portText(port, protocol) }]
}

/** The addresses that a Service names, without those that its own choice of families rules out. */
function wantedAddresses(service: ServiceObject, settings: Settings, problems: ServiceProblem[]): readonly string[] {
  const wanted = settings.whole('address') ?? addressField(service, problems)
  const families = settings.whole('families') ?? wanted.map(familyOf)
  return wanted.filter((address) => {
    if (families.includes(familyOf(address))) return true
    const what = `wants address ${address}, and by fairway.dev/families only ${families.join(', ')}`
    problems.push(serviceProblem(service, 'AddressInvalid', what, 'Correct or remove one of the two'))
    return false
  })
}

/** Kubernetes deprecates spec.loadBalancerIP: the annotation wins over it. */
function addressField(service: ServiceObject, problems: ServiceProblem[]): readonly string[] {
  const field = service.spec.type === 'LoadBalancer' ? service.spec.loadBalancerIP : undefined
  if (field === undefined || field === '') return []
  const address = canonicalAddress(field)
  if (address !== undefined) return [address]
  const what = `wants spec.loadBalancerIP "${field}", which is no address`
  problems.push(serviceProblem(service, 'AddressInvalid', what, 'Correct or remove it'))
  return []
}

function wantedFamilies(
  service: ServiceObject,
  settings: Settings,
  addresses: readonly string[],
): Pick<Demand, 'families' | 'degradable'> {
  const annotated = settings.whole('families')
  if (annotated !== undefined) return { families: annotated, degradable: false }
  if (addresses.length > 0) return { families: addresses.map(familyOf), degradable: false }
  const { ipFamilies, ipFamilyPolicy } = service.spec
  const families: readonly Family[] = ipFamilies.length > 0 ? ipFamilies : ['IPv4']
  return { families, degradable: ipFamilyPolicy === 'PreferDualStack' }
}
