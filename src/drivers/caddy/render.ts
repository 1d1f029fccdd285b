import { canonicalAddress, canonicalCidr, hostPort } from '../../model/address.ts'
import type { Problem } from '../../model/problems.ts'
import { type Balance, compareText, type Frontend, frontendKey, type Owner, type Target } from '../../model/table.ts'
import { isPort, serverId, serverKey } from './names.ts'
import { type CaddyOptions, type Socket, socketOf } from './options.ts'
import type { HandlerJson, ProxyHandlerJson, ServerJson } from './shape.ts'

/** Balances that Caddy can do. `least_conn` counts connections that it never takes off again, `random_choose` can crash it. */
export const POLICIES: Readonly<Partial<Record<Balance, ProxyHandlerJson['load_balancing']['selection']['policy']>>> = {
  'round-robin': 'round_robin',
  random: 'random',
  source: 'ip_hash',
}

/** A client waits so long for a target that answers; targets are tried anew at this interval. */
const TRY = { try_duration: '3s', try_interval: '250ms' } as const

/**
 * A target that refused three connections within three seconds is passed over for the rest of them. No longer than a client waits: when all
 * targets come back, as after a restart of the pods, those who wait are served.
 */
const PASSIVE = { fail_duration: '3s', max_fails: 3 } as const

/** Connects to the target's own port. A `port` of its own would redirect the traffic itself (mholt/caddy-l4#458). */
const ACTIVE = { interval: '5s', timeout: '2s' } as const

export interface RenderContext {
  readonly owner: Owner
  readonly listen: CaddyOptions['listen']
}

/** Renders one frontend as one server of the layer4 app. Throws on what `findUnrenderable` finds. */
export function renderServer(context: RenderContext, frontend: Frontend, targets: readonly Target[]): ServerJson {
  const fault = findUnrenderable('', frontend, targets)
  if (fault !== undefined) throw new TypeError(fault.message)
  const id = serverId(context.owner, serverKey(context.owner, frontend))
  const ranges = [...frontend.sourceRanges]
  return {
    '@id': id,
    listen: [listenText(socketOf(context.listen, frontend))],
    ...(frontend.idleTimeoutMs === undefined ? {} : { idle_timeout: durationText(frontend.idleTimeoutMs) }),
    routes: [
      {
        ...(ranges.length === 0 ? {} : { match: [{ remote_ip: { ranges } }] as const }),
        handle: [renderHandler(id, frontend, targets)],
      },
    ],
  }
}

/** A socket as a network address of Caddy's: `tcp6/[2001:db8::1]:443`. The family is named, or Go would take wildcards for both. */
export function listenText({ protocol, address, port }: Socket): string {
  const family = address.includes(':') ? '6' : '4'
  return `${protocol.toLowerCase()}${family}/${hostPort(address, port)}`
}

/** One upstream for each target: several addresses in one `dial` would each get a copy of the traffic. */
function renderHandler(id: string, frontend: Frontend, targets: readonly Target[]): HandlerJson {
  const note = noteOf(id, frontend, targets)
  if (targets.length === 0) return { handler: 'close', '@id': note ?? id }
  const { balance, healthCheck, proxyProtocol, protocol } = frontend
  const policy = POLICIES[balance]
  if (policy === undefined) throw new TypeError(`no policy for balance ${balance}`)
  const network = protocol === 'UDP' ? 'udp/' : ''
  const sorted = targets.toSorted(
    (a, b) => compareText(a.address, b.address) || portOf(frontend, a) - portOf(frontend, b),
  )
  return {
    handler: 'proxy',
    ...(note === undefined ? {} : { '@id': note }),
    upstreams: sorted.map((target) => ({ dial: [network + hostPort(target.address, portOf(frontend, target))] })),
    ...(proxyProtocol === 'off' ? {} : { proxy_protocol: proxyProtocol }),
    load_balancing: { selection: { policy }, ...TRY },
    health_checks: { passive: { ...PASSIVE }, ...(healthCheck === 'tcp' ? { active: { ...ACTIVE } } : {}) },
  }
}

export function portOf(frontend: Pick<Frontend, 'targetPort'>, target: Target): number {
  return target.port ?? frontend.targetPort
}

/**
 * What the server does not say by itself, so that reading back gives what was written: the settings of a frontend without targets, and the port
 * that only some targets have. An `@id` is the one place where Caddy takes any text and gives it back.
 */
export function noteOf(id: string, frontend: Frontend, targets: readonly Target[]): string | undefined {
  const plain = targets.length > 0 && targets.every((target) => portOf(frontend, target) === frontend.targetPort)
  const { targetPort, proxyProtocol, balance, healthCheck } = frontend
  return plain ? undefined : [id, 'to', targetPort, proxyProtocol, balance, healthCheck].join('.')
}

/** Durations as Caddy reads them, in the largest unit that keeps them whole. */
export function durationText(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`
}

/**
 * What in a frontend must not or cannot reach Caddy. It expands placeholders like `{env.HOME}` in every string, and targets come from objects that
 * users write: only canonical addresses and numbers get through.
 */
export function findUnrenderable(proxy: string, frontend: Frontend, targets: readonly Target[]): Problem | undefined {
  const key = frontendKey(frontend)
  const target = targets.find(({ address, port }) => !isAddress(address) || (port !== undefined && !isPort(port)))
  if (target !== undefined) {
    const what = `target ${JSON.stringify(target.address).slice(0, 80)} of ${key} is no address that proxy ${proxy} may be given`
    const remedy = 'Correct the address of the node or endpoint that it comes from'
    return { code: 'TargetRefused', kind: 'terminal', message: what, remedy }
  }
  const range = frontend.sourceRanges.find((text) => canonicalCidr(text) !== text)
  const ports = isPort(frontend.port) && isPort(frontend.targetPort)
  if (!isAddress(frontend.address) || !ports || range !== undefined) {
    const what = `${key} with target port ${frontend.targetPort} and sources ${frontend.sourceRanges.join(', ') || 'all'} is not well-formed`
    return { code: 'AddressInvalid', kind: 'terminal', message: what, remedy: 'Correct the Service that it comes from' }
  }
  const lack = findLack(frontend)
  if (lack === undefined) return undefined
  const message = `${key} asks for ${lack}, which proxy ${proxy} cannot do`
  return { code: 'Unsupported', kind: 'unsupported', message, remedy: 'Remove the annotation, or use another class' }
}

function isAddress(text: string): boolean {
  return canonicalAddress(text) === text
}

/** What Caddy has no words for. */
function findLack(frontend: Frontend): string | undefined {
  const { protocol, proxyProtocol, balance, healthCheck, idleTimeoutMs } = frontend
  if (!Object.hasOwn(POLICIES, balance)) return `balance ${balance}`
  if (protocol === 'UDP' && proxyProtocol === 'v1') return 'PROXY protocol v1 on UDP'
  if (healthCheck === 'http') return 'health-check http'
  if (protocol === 'UDP' && healthCheck !== 'off') return `health-check ${healthCheck} on UDP`
  if (protocol === 'TCP' && idleTimeoutMs !== undefined) return 'an idle timeout on TCP'
  if (idleTimeoutMs !== undefined && !(Number.isInteger(idleTimeoutMs) && idleTimeoutMs > 0))
    return `an idle timeout of ${idleTimeoutMs} ms`
  if (frontend.maxConnections !== undefined) return 'max-connections'
  return frontend.hosts.length > 0 ? 'hosts (SNI)' : undefined
}
