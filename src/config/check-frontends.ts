import { checkDefaults, readDefault } from '../desired/annotations.ts'
import { parseSelector } from '../desired/label-selector.ts'
import { inRange, isForwardable } from '../model/address.ts'
import { hostsOverlap } from '../model/hosts.ts'
import { socketKey } from '../model/table.ts'
import { frontendAddresses } from './addresses.ts'
import type { ConfigIssue } from './issue.ts'
import type { ClassConfig, FrontendConfig } from './schema.ts'

/** What a frontend without a Service can be set to; the other annotations choose addresses or targets, for which it has keys. */
const SETTINGS: ReadonlySet<string> = new Set([
  'balance',
  'health-check',
  'health-check-fall',
  'health-check-interval',
  'health-check-rise',
  'health-check-timeout',
  'hosts',
  'idle-timeout',
  'max-connections',
  'proxy-protocol',
])

/** Rules of one frontend of a class. `forbidden`: addresses that are ours, and so no targets. */
export function checkFrontend(
  frontend: FrontendConfig,
  one: ClassConfig,
  forbidden: (address: string) => boolean,
  path: ConfigIssue['path'],
): readonly ConfigIssue[] {
  return [
    ...checkAddresses(frontend, one, path),
    ...checkTargets(frontend, forbidden, path),
    ...checkSettings(frontend, [...path, 'settings']),
  ]
}

function checkAddresses(
  frontend: FrontendConfig,
  { pools, proxies }: ClassConfig,
  path: ConfigIssue['path'],
): ConfigIssue[] {
  if (frontend.address !== undefined && frontend.addresses !== undefined) {
    return [{ path: [...path, 'addresses'], message: 'cannot stand beside address; give one of the two' }]
  }
  const addresses = frontendAddresses(frontend, pools)
  if (addresses.length === 0) {
    return [{ path, message: 'needs an address: no pool of the class gives one to everybody unasked' }]
  }
  return addresses.flatMap((address, index) => {
    const known =
      pools.some((pool) => pool.addresses.some((range) => inRange(range, address))) ||
      proxies.some(({ listen }) => Object.hasOwn(listen, address))
    const key = frontend.addresses === undefined ? ['address'] : ['addresses', index]
    const message = `${address} is in no pool of the class, and in no listen of its proxies`
    return known ? [] : [{ path: [...path, ...key], message }]
  })
}

function checkTargets({ targets }: FrontendConfig, forbidden: (address: string) => boolean, path: ConfigIssue['path']) {
  switch (targets.kind) {
    case 'nodes':
      return checkSelector(targets.selector, [...path, 'nodes'])
    case 'service':
      return []
    case 'addresses':
      return targets.addresses.flatMap((address, index): ConfigIssue[] => {
        const at = [...path, 'targets', index]
        if (!isForwardable(address))
          return [{ path: at, message: `${address} leads to the proxy itself, or to nobody` }]
        if (forbidden(address)) return [{ path: at, message: `${address} is an address of a pool or of a proxy` }]
        return []
      })
  }
  return targets satisfies never
}

/** Settings of a frontend without a Service, of a class or of an edge. */
export function checkSettings(
  { settings, protocol }: Pick<FrontendConfig, 'settings' | 'protocol'>,
  path: ConfigIssue['path'],
): ConfigIssue[] {
  const malformed = checkDefaults(settings)
  return Object.keys(settings).flatMap((name) => {
    const complaint = malformed.get(name)
    if (complaint !== undefined) return [{ path: [...path, name], message: complaint }]
    if (name === 'hosts' && protocol === 'UDP') return [{ path: [...path, name], message: 'UDP has no server names' }]
    const message = `"${name}" is not for a frontend without a Service, which can have: ${[...SETTINGS].join(', ')}`
    return SETTINGS.has(name) ? [] : [{ path: [...path, name], message }]
  })
}

/** Two frontends that want the same clients: on one socket, and not told apart by their hosts. */
export function checkSockets({ frontends, pools }: ClassConfig, path: ConfigIssue['path']): ConfigIssue[] {
  const claims = frontends.flatMap((frontend, index) => {
    const hosts = readDefault(frontend.settings, 'hosts') ?? []
    return frontendAddresses(frontend, pools).map((address) => {
      return { name: frontend.name, index, hosts, socket: socketKey({ ...frontend, address }) }
    })
  })
  return claims.flatMap(({ socket, hosts, index }, at) => {
    const holder = claims.slice(0, at).find((one) => one.socket === socket && hostsOverlap(one.hosts, hosts))
    const message = `${socket} is taken by frontend "${holder?.name}"`
    return holder === undefined ? [] : [{ path: [...path, index, 'port'], message }]
  })
}

/** A selector that cannot be read, as an issue of its key. */
export function checkSelector(text: string, path: ConfigIssue['path']): ConfigIssue[] {
  return parseSelector(text) === undefined
    ? [{ path, message: `"${text}" is not a label selector like pool=edge` }]
    : []
}
