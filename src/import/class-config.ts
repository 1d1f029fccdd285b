import { addressNumber, type Family, familyOf, numberAddress } from '../model/address.ts'
import { compareText, serviceName } from '../model/table.ts'
import type { Remarks } from './old.ts'
import type { Placed } from './place.ts'
import { settingsOf } from './settings.ts'

export interface ConfigWishes {
  readonly cluster: string
  readonly className: string
  readonly kind: 'caddy' | 'edge'
}

/** fairway.yaml as a value: the class with all addresses, and what has no Service behind it. */
export function configOf(
  { cluster, className, kind }: ConfigWishes,
  placed: readonly Placed[],
  fixed: readonly Placed[],
  pods: readonly string[],
  remarks: Remarks,
): object {
  const addresses = [...new Set(placed.flatMap((one) => one.addresses))].toSorted(compareText)
  const wild = [...new Set(placed.flatMap((one) => (one.wildcard ? one.addresses : [])))].toSorted(compareText)
  const frontends = fixedOf(fixed, remarks)
  if (kind === 'edge' && wild.length > 0)
    remarks.add(
      'edge.yaml',
      `the old proxy bound all addresses: with \`publish\`, {${wild.map((one) => `"${one}": "*"`).join(', ')}}, the new one does as well`,
    )
  return {
    cluster,
    classes: [
      {
        name: className,
        pools: [{ name: 'imported', addresses }],
        ...(pods.length === 0 ? {} : { pods: { cidrs: rangesOf(pods) } }),
        ...(frontends.length === 0 ? {} : { frontends }),
        proxies: [
          {
            name: 'edge-1',
            ...PROXIES[kind],
            ...(kind === 'caddy' && wild.length > 0
              ? { listen: Object.fromEntries(wild.map((one) => [one, '*'])) }
              : {}),
          },
        ],
      },
    ],
  }
}

/** To be filled in: nobody can tell from an old configuration how the new proxy is reached. */
const PROXIES = {
  caddy: {
    caddy: {
      url: 'https://proxy.example:2021',
      certFile: '/etc/fairway/edge-1/tls.crt',
      keyFile: '/etc/fairway/edge-1/tls.key',
      caFile: '/etc/fairway/edge-1/ca.crt',
    },
  },
  edge: {
    edge: {
      url: 'https://proxy.example:7443',
      tokenFile: '/etc/fairway/edge-1/token',
      caFile: '/etc/fairway/edge-1/ca.crt',
    },
  },
} as const

function fixedOf(fixed: readonly Placed[], remarks: Remarks): readonly object[] {
  const names = new Set<string>()
  return fixed.map(({ old, addresses, place }) => {
    const { protocol, port, sourceRanges } = old
    const settings = settingsOf(old)
    return {
      name: freeName(`imported-${protocol.toLowerCase()}-${port}`, names),
      addresses,
      port,
      ...(protocol === 'UDP' ? { protocol } : {}),
      ...targetsOf({ old, place }, remarks),
      ...(sourceRanges.length === 0 ? {} : { sourceRanges }),
      ...(Object.keys(settings).length === 0 ? {} : { settings }),
    }
  })
}

/** All nodes for a node port, endpoints of a Service for its pods, and otherwise the addresses that are written there. */
function targetsOf({ old, place }: Pick<Placed, 'old' | 'place'>, remarks: Remarks): object {
  const [first] = old.targets
  const targetPort = place?.on === 'nodes' ? (place.port.nodePort ?? first?.port) : first?.port
  if (place?.on === 'nodes') return { targetPort, nodes: '' }
  if (place?.on === 'pods') return { targetPort, service: serviceName(place.service.metadata) }
  const targets = old.targets.filter(({ port }) => port === targetPort).map(({ address }) => address)
  if (targets.length < old.targets.length)
    remarks.add(
      old.at,
      `only targets with port ${targetPort} are carried over: a frontend of the configuration has one port`,
    )
  return { targetPort, targets }
}

function freeName(name: string, names: Set<string>): string {
  let free = name
  for (let count = 2; names.has(free); count++) free = `${name}-${count}`
  names.add(free)
  return free
}

/** The smallest CIDR of each family that holds some addresses. */
function rangesOf(addresses: readonly string[]): readonly string[] {
  return [...Map.groupBy(addresses, familyOf)].map(([family, some]) => rangeOf(family, some.map(addressNumber)))
}

function rangeOf(family: Family, numbers: readonly bigint[]): string {
  const [first = 0n] = numbers
  const bits = family === 'IPv4' ? 32n : 128n
  let host = 0n
  while (numbers.some((one) => one >> host !== first >> host)) host++
  return `${numberAddress(family, (first >> host) << host)}/${bits - host}`
}
