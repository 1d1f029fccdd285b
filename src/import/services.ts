import type { ServiceObject, ServiceSpec } from '../kube/objects.ts'
import { familyOf } from '../model/address.ts'
import { CLASS_ANNOTATION, PREFIX } from '../model/names.ts'
import { serviceName } from '../model/table.ts'
import type { Remarks } from './old.ts'
import type { Placed, ServicePlace } from './place.ts'
import { joinSettings, portName, settingsOf } from './settings.ts'

/** What a Service is to be given, to be applied over what it is. */
export interface ServiceWish {
  readonly service: ServiceObject
  readonly annotations: Readonly<Record<string, string>>
  readonly spec: Partial<ServiceSpec>
}

export interface Divided {
  readonly services: readonly ServiceWish[]
  /** What no Service can say: frontends of the configuration. */
  readonly fixed: readonly Placed[]
  /** Addresses of pods that are targets. */
  readonly pods: readonly string[]
}

type AtService = Placed & { readonly place: ServicePlace }

/** Divides old frontends into what Services say by annotations and what the configuration has to. */
export function divide(placed: readonly Placed[], className: string, remarks: Remarks): Divided {
  const fixed: Placed[] = placed.filter(({ place }) => place === undefined)
  const byService = Map.groupBy(placed.filter(isAtService), ({ place }) => serviceName(place.service.metadata))
  const services: ServiceWish[] = []
  const pods: string[] = []
  for (const [name, all] of byService) {
    const { said, unsaid } = chooseSaid(all)
    for (const one of unsaid)
      remarks.add(one.old.at, `Service ${name} cannot say this as well: it is a frontend of the configuration`)
    fixed.push(...unsaid)
    const [first] = said
    if (first === undefined) continue
    services.push(wishOf(first, said, className, remarks))
    for (const { place, old } of said) if (place.on === 'pods') pods.push(...old.targets.map(({ address }) => address))
  }
  return { services, fixed, pods: [...new Set(pods)] }
}

function isAtService(placed: Placed): placed is AtService {
  return placed.place !== undefined
}

/** A Service has one set of addresses, one port outside for each of its own, and one list of clients. */
function chooseSaid(all: readonly AtService[]): {
  readonly said: readonly AtService[]
  readonly unsaid: readonly AtService[]
} {
  const said: AtService[] = []
  const unsaid: AtService[] = []
  for (const one of all) {
    const isFirst = said.length === 0
    const fits =
      isSayable(one) &&
      (isFirst || (commonOf(one) === commonOf(said[0]) && said.every(({ place }) => place.port !== one.place.port)))
    if (fits) said.push(one)
    else unsaid.push(one)
  }
  return { said, unsaid }
}

function commonOf(one: AtService | undefined): string {
  return JSON.stringify([one?.addresses, one?.old.sourceRanges, one?.place.on])
}

/** Clients of LoadBalancer Services read their ports from the spec, and only these may name whom they serve. */
function isSayable({ old, place: { service, port, on } }: AtService): boolean {
  switch (service.spec.type) {
    case 'NodePort':
      return on === 'nodes' && old.sourceRanges.length === 0
    case 'LoadBalancer':
      return old.port === port.port
    case 'ClusterIP':
      return on === 'pods' && old.port === port.port && service.metadata.name !== 'kubernetes'
    case 'ExternalName':
      return false
  }
  return service.spec.type satisfies never
}

function wishOf(first: AtService, said: readonly AtService[], className: string, remarks: Remarks): ServiceWish {
  const { service, on } = first.place
  const { type, ports, ipFamilies } = service.spec
  const families = first.addresses.map(familyOf)
  const isAsItIs = families.length === ipFamilies.length && families.every((one) => ipFamilies.includes(one))
  const more = ports.filter((port) => said.every(({ place }) => place.port !== port))
  if (type !== 'NodePort' && more.length > 0)
    remarks.add(
      first.old.at,
      `Service ${serviceName(service.metadata)} gets its other ports outside too: ${more.map(portName).join(', ')}`,
    )
  const mapped = said.map(({ old, place }) => `${portName(place.port)}=${old.port}`).join(',')
  const texts = {
    address: first.addresses.join(','),
    ...(isAsItIs ? {} : { families: families.join(',') }),
    ...(type === 'NodePort' ? { ports: mapped } : {}),
    ...(on === 'pods' ? { targets: 'pods' } : {}),
    ...joinSettings(
      ports,
      said.map(({ old, place }) => [place.port, settingsOf(old)] as const),
    ),
  }
  const { sourceRanges } = first.old
  return {
    service,
    annotations: {
      [CLASS_ANNOTATION]: className,
      ...Object.fromEntries(Object.entries(texts).map(([name, text]) => [`${PREFIX}/${name}`, text])),
    },
    spec: {
      ...(type === 'ClusterIP' ? { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false } : {}),
      ...(sourceRanges.length === 0 ? {} : { loadBalancerSourceRanges: sourceRanges }),
    },
  }
}
