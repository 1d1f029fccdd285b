import { canonicalAddress, canonicalCidr, isPort } from '../../../model/address.ts'
import type { Abilities, Capabilities } from '../../../model/driver.ts'
import { isHostName } from '../../../model/hosts.ts'
import type { Problem } from '../../../model/problems.ts'
import type { Frontend, HealthCheck, Target } from '../../../model/table.ts'
import type { BoundFrontend, EngineRefusal, EngineState } from '../engine.ts'

const NAME = /^[a-z0-9._-]{1,200}$/
/** HAProxy compares times as signed 32-bit milliseconds; the others can do more. */
const LONGEST_MS = 2 ** 31 - 1

/** A kind of program, as messages name it. */
export interface Program {
  /** `HAProxy` */
  readonly title: string
  readonly capabilities: Capabilities
}

export interface Accepted {
  readonly frontends: readonly BoundFrontend[]
  readonly refused: readonly EngineRefusal[]
}

/** Parts the frontends that a program's configuration can hold from those that it cannot, which are refused alone. */
export function acceptFrontends({ frontends, groups }: EngineState, program: Program): Accepted {
  // Once for each group, however many frontends lead there.
  const strange = new Map([...groups].map(([id, { targets }]) => [id, targets.find((target) => !isTarget(target))]))
  const refused = frontends.flatMap((bound) => {
    const { id, frontend } = bound
    const target = strange.get(frontend.group)
    const lost = groups.has(frontend.group) ? undefined : malformed(id, `there is no group ${shown(frontend.group)}`)
    const problem =
      findUnrenderable(bound, program) ?? lost ?? (target === undefined ? undefined : refusedTarget(id, target))
    return problem === undefined ? [] : [{ id, problem }]
  })
  const ids = new Set(refused.map(({ id }) => id))
  const able = frontends.filter(({ id }) => !ids.has(id)).map((bound) => withoutLackingCheck(bound, program))
  return { frontends: able, refused }
}

/** A check that nobody asked for is left out where the program has no such checks. */
function withoutLackingCheck(bound: BoundFrontend, { capabilities }: Program): BoundFrontend {
  const { healthCheck, protocol } = bound.frontend
  return healthCheck === undefined || capabilities[protocol]?.healthCheck.includes(healthCheck.kind) === true
    ? bound
    : { ...bound, frontend: { ...bound.frontend, healthCheck: undefined } }
}

/**
 * What in a frontend must not or cannot reach the configuration. Names, hosts, ranges and targets come from objects that users write: only words of
 * known alphabets, canonical addresses and whole numbers get through.
 */
function findUnrenderable(bound: BoundFrontend, program: Program): Problem | undefined {
  const fault = findMalformed(bound)
  return findLack(bound, program) ?? (fault === undefined ? undefined : malformed(bound.id, fault))
}

function malformed(id: string, fault: string): Problem {
  const message = `${shown(id)} is not well-formed: ${fault}`
  return { code: 'AddressInvalid', kind: 'terminal', message, remedy: 'Correct the Service that it comes from' }
}

function refusedTarget(id: string, { address }: Target): Problem {
  const message = `target ${shown(address)} of ${shown(id)} is no address that a proxy may be given`
  const remedy = 'Correct the address of the node or endpoint that it comes from'
  return { code: 'TargetRefused', kind: 'terminal', message, remedy }
}

/** What the program has no words for. */
function findLack({ id, frontend }: BoundFrontend, { title, capabilities }: Program): Problem | undefined {
  const { protocol } = frontend
  // A word like `constructor` is a key of every object.
  const able = Object.hasOwn(capabilities, protocol) ? capabilities[protocol] : undefined
  if (able === undefined) {
    const message = `${shown(id)} is for ${shown(protocol)}, which ${title} does not forward`
    const remedy = 'Use a class whose proxies forward UDP: nginx, Envoy or Caddy'
    return { code: 'ProtocolUnsupported', kind: 'unsupported', message, remedy }
  }
  const lack = lackOf(frontend, able)
  if (lack === undefined) return undefined
  const message = `${shown(id)} asks for ${lack}, which ${title} cannot do`
  return { code: 'Unsupported', kind: 'unsupported', message, remedy: 'Remove the annotation, or use another class' }
}

/** The operator asks for nothing that the capabilities lack; another client of the API may. */
function lackOf(frontend: Frontend, able: Abilities): string | undefined {
  const { balance, proxyProtocol, healthCheck, sourceRanges, hosts, maxConnections, idleTimeoutMs } = frontend
  if (!able.balance.includes(balance)) return `balance ${shown(balance)}`
  if (!able.proxyProtocol.includes(proxyProtocol)) return `PROXY protocol ${shown(proxyProtocol)}`
  if (healthCheck?.derived === false && !able.healthCheck.includes(healthCheck.kind))
    return `health-check ${shown(healthCheck.kind)}`
  if (sourceRanges.length > 0 && !able.sourceRanges) return 'source ranges'
  if (hosts.length > 0 && !able.hosts) return 'hosts'
  if (maxConnections !== undefined && !able.maxConnections) return 'a limit of connections'
  return idleTimeoutMs !== undefined && !able.idleTimeout ? 'an idle timeout' : undefined
}

function findMalformed({ id, frontend, bindAddress }: BoundFrontend): string | undefined {
  const { group, port, targetPort, sourceRanges, hosts, healthCheck } = frontend
  const { affinityMs = 1, idleTimeoutMs = 1, maxConnections = 1 } = frontend
  if (!NAME.test(id) || !NAME.test(group)) return `group ${shown(group)}`
  if (!isAddress(bindAddress)) return `address ${shown(bindAddress)}`
  if (!isPort(port) || !isPort(targetPort)) return `port ${port}, target port ${targetPort}`
  const range = sourceRanges.find((text) => canonicalCidr(text) !== text)
  if (range !== undefined) return `source range ${shown(range)}`
  const host = hosts.find((text) => !isHostName(text))
  if (host !== undefined) return `host ${shown(host)}`
  const times = [affinityMs, idleTimeoutMs, ...(healthCheck === undefined ? [] : timesOf(healthCheck))]
  const time = times.find((value) => !isCount(value))
  if (time !== undefined) return `time or count ${time}`
  if (healthCheck?.port !== undefined && !isPort(healthCheck.port)) return `check port ${healthCheck.port}`
  return isCount(maxConnections) ? undefined : `limit ${maxConnections}`
}

function timesOf({ intervalMs, timeoutMs, rise, fall }: HealthCheck): readonly number[] {
  return [intervalMs, timeoutMs, rise, fall]
}

function isTarget({ address, port }: Target): boolean {
  return isAddress(address) && (port === undefined || isPort(port))
}

function isAddress(text: string): boolean {
  return canonicalAddress(text) === text
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= LONGEST_MS
}

/** Text of unknown make, fit for a message. */
function shown(text: string): string {
  return NAME.test(text) ? text : JSON.stringify(text).slice(0, 80)
}
