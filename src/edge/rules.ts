import { type AddressRange, familyOf, inRange, isForwardable } from '../model/address.ts'
import type { Problem } from '../model/problems.ts'
import { type Frontend, type Protocol, socketKey, type Target } from '../model/table.ts'
import type { Quota } from './quota.ts'
import { isWildcard, WILDCARDS } from './sockets.ts'

/** What the machine and its administrator allow the owners of tables. */
export interface Rules {
  /** Addresses that frontends may use; undefined: those of the machine and those that `publish` names. */
  readonly addresses: readonly AddressRange[] | undefined
  /** Addresses of the machine's interfaces, without loopback. */
  readonly machine: ReadonlySet<string>
  /** Published address → bound address, or `*` for all of the machine. */
  readonly publish: ReadonlyMap<string, string>
  readonly deniedPorts: ReadonlySet<number>
  /** Where targets may be although they lead back to this machine. */
  readonly targets: readonly AddressRange[]
  /** Of the proxy program. */
  readonly protocols: readonly Protocol[]
  readonly quota: Quota
}

/** What is bound for a published address. */
export function bindAddress({ publish }: Pick<Rules, 'publish'>, address: string): string {
  const bound = publish.get(address) ?? address
  return bound === '*' ? WILDCARDS[familyOf(address)] : bound
}

/** Why nobody may have the socket of a frontend, or undefined. */
export function findBar(rules: Rules, frontend: Frontend): Problem | undefined {
  const { address, port, protocol } = frontend
  const socket = socketKey(frontend)
  if (!rules.protocols.includes(protocol)) {
    return {
      code: 'ProtocolUnsupported',
      kind: 'unsupported',
      message: `${socket} is ${protocol}, which the proxy program cannot do`,
      remedy: `Use ${rules.protocols.join(' or ')}, or a class whose proxies do ${protocol}`,
    }
  }
  if (rules.deniedPorts.has(port)) {
    const message = `${socket} is on port ${port}, which the configuration of this proxy denies`
    return { code: 'PortDenied', kind: 'terminal', message, remedy: 'Use another port' }
  }
  return mayUse(rules, address) ? undefined : addressBar(rules, socket)
}

function mayUse({ addresses, machine, publish }: Rules, address: string): boolean {
  if (isWildcard(address)) return false
  return addresses === undefined
    ? machine.has(address) || publish.has(address)
    : addresses.some((range) => inRange(range, address))
}

function addressBar({ addresses }: Rules, socket: string): Problem {
  if (addresses !== undefined) {
    const message = `${socket} is on an address that this proxy does not give to clusters`
    const remedy = "Use another address, or add it to `addresses` in the proxy's edge.yaml"
    return { code: 'AddressOutsidePools', kind: 'terminal', message, remedy }
  }
  const message = `${socket} is on an address that this proxy does not have`
  const remedy = 'Add the address to an interface of the proxy, or name it under `publish` in its edge.yaml'
  return { code: 'AddressNotOnProxy', kind: 'terminal', message, remedy }
}

/**
 * Whether connections to a target would stay on this machine, or end nowhere: to an owner, a target is a way to ports that only the proxy
 * reaches.
 */
export function isForbiddenTarget(rules: Rules, { address }: Pick<Target, 'address'>): boolean {
  if (rules.targets.some((range) => inRange(range, address))) return false
  if (!isForwardable(address) || rules.machine.has(address) || rules.publish.has(address)) return true
  return rules.addresses?.some((range) => inRange(range, address)) ?? false
}
