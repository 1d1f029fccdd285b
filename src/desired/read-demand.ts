import type { ServiceObject } from '../kube/objects.ts'
import { canonicalAddress, type Family, familyOf } from '../model/address.ts'
import type { Settings } from './annotations.ts'
import { type Demand, type ServiceProblem, serviceProblem } from './demand.ts'
import { readPorts, recordedPorts } from './demand-ports.ts'
import { isOpen, poolOf } from './pools.ts'
import { type AllocationRecord, recordOf } from './record.ts'
import type { ClassSpec } from './spec.ts'

/** What the demands of a class depend on. */
export type DemandSpec = Pick<ClassSpec, 'name' | 'rules' | 'pools' | 'evict' | 'podRanges'>

/**
 * Reads what a Service asks of the pools of the class that serves it. While an annotation is malformed, a Service asks for what is recorded on it
 * and nothing else: what it would get by guessing, it would keep.
 */
export function demandOf(service: ServiceObject, spec: DemandSpec, settings: Settings): Demand {
  const problems: ServiceProblem[] = []
  const ports = readPorts(service, spec, settings, problems)
  const addresses = wantedAddresses(service, settings, problems)
  const record = validRecord(service, spec)
  const demand: Demand = {
    service,
    addresses,
    pool: settings.whole('pool'),
    ...wantedFamilies(service, settings, addresses),
    sharing: settings.whole('sharing') ?? 'any',
    ports,
    record,
    frozen: false,
    problems,
  }
  // Whoever wants an address that cannot be understood would keep for good what it got in its place.
  const guessed = record === undefined && problems.some(({ problem }) => problem.code === 'AddressInvalid')
  if (!guessed && settings.problems.every(({ code }) => code !== 'AnnotationInvalid')) return demand
  return {
    ...demand,
    addresses: [],
    pool: undefined,
    families: [...new Set(record?.addresses.map(familyOf))],
    ports: recordedPorts(service, record, ports, spec.rules),
    frozen: true,
  }
}

/**
 * What counts of a Service's record. An address that another class gave says nothing about this one's pools, unless they all are in them, as after
 * a class was renamed. A class that evicts takes back what its pools have lost.
 */
function validRecord(service: ServiceObject, { name, pools, evict }: DemandSpec): AllocationRecord | undefined {
  const record = recordOf(service)
  if (record === undefined || (record.className === name && !evict)) return record
  const addresses = record.addresses.filter((address) => {
    const pool = poolOf(pools, address)
    return pool !== undefined && isOpen(pool, service.metadata.namespace)
  })
  if (addresses.length === record.addresses.length) return record
  return addresses.length === 0 || record.className !== name ? undefined : { ...record, addresses }
}

/** The addresses that a Service names, without those that its own choice of families rules out. */
function wantedAddresses(service: ServiceObject, settings: Settings, problems: ServiceProblem[]): readonly string[] {
  const wanted = settings.whole('address') ?? addressField(service, problems)
  if (wanted.length === 0) return wanted
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

/** The annotation is of the frontend, whatever the Service has behind it. An address that is asked for says its family, unless the Service has both. */
function wantedFamilies(
  service: ServiceObject,
  settings: Settings,
  addresses: readonly string[],
): Pick<Demand, 'families' | 'degradable'> {
  const annotated = settings.whole('families')
  if (annotated !== undefined) return { families: annotated, degradable: false }
  const { ipFamilies, ipFamilyPolicy } = service.spec
  const own: readonly Family[] = ipFamilies.length > 0 ? ipFamilies : ['IPv4']
  const families = addresses.length > 0 && own.length === 1 ? addresses.map(familyOf) : own
  return { families, degradable: ipFamilyPolicy !== 'RequireDualStack' }
}
