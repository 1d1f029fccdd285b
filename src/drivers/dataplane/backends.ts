import { isDeepStrictEqual } from 'node:util'
import type { Frontend, HealthCheck, ProxyProtocol, Served, Target } from '../../model/table.ts'
import { backendName, type Holder } from './names.ts'
import { type BackendContext, renderCheckBackend, renderTargetBackend } from './render-backend.ts'
import type { Section } from './sections.ts'

/** Servers that are only checked, once however many frontends lead to them: those of other backends track them. */
export interface CheckBackend {
  readonly check: HealthCheck
  /** That is asked. Where it is the traffic's (`check.port` is undefined), targets with a port of their own are asked there. */
  readonly port: number
  /** Of the traffic, where its port is asked: a target that expects a header takes no other greeting. */
  readonly proxyProtocol: ProxyProtocol
  readonly targets: readonly Target[]
}

/** Servers that traffic goes to. Frontends that lead alike to one group share them. */
export interface TargetBackend extends Pick<Frontend, 'proxyProtocol' | 'balance' | 'affinityMs' | 'idleTimeoutMs'> {
  /** Of targets that have none of their own; undefined: the port that the frontend sets. */
  readonly port: number | undefined
  readonly targets: readonly Target[]
  /** Name of the backend whose checks count. */
  readonly tracks: string | undefined
}

/** A frontend with the backends that serve it. */
export interface Route extends Served {
  readonly to: string
  /** The same targets unchecked, for the moment when a check that nobody asked for says that all of them are down. */
  readonly fallback: string | undefined
  readonly check: string | undefined
  /** Of the servers; undefined: the frontend sets it. */
  readonly port: number | undefined
}

/** A backend that a route needs, with its content. */
export interface Needed {
  readonly name: string
  readonly section: Section
}

/** What the backends of a route must be for it to be served as it says. `names` are those that they have. */
export function backendsOf(context: BackendContext, route: Route): readonly Needed[] {
  const { frontend, targets, to, fallback, check, port } = route
  const target = (name: string, tracks: string | undefined): Needed => {
    const { proxyProtocol, balance, idleTimeoutMs } = frontend
    const affinityMs = balance === 'source' ? frontend.affinityMs : undefined
    const spec = { proxyProtocol, balance, affinityMs, idleTimeoutMs, port, targets, tracks }
    return { name, section: renderTargetBackend(context, name, spec) }
  }
  const checked = check === undefined ? undefined : checkBackend(frontend, targets)
  return [
    ...(check === undefined || checked === undefined
      ? []
      : [{ name: check, section: renderCheckBackend(context, check, checked) }]),
    target(to, check),
    ...(fallback === undefined ? [] : [target(fallback, undefined)]),
  ]
}

function checkBackend(
  { healthCheck, targetPort, proxyProtocol }: Served['frontend'],
  targets: readonly Target[],
): CheckBackend | undefined {
  if (healthCheck === undefined) return undefined
  const greeting = healthCheck.port === undefined ? proxyProtocol : 'off'
  return { check: healthCheck, port: healthCheck.port ?? targetPort, proxyProtocol: greeting, targets }
}

/** Gives routes their backends. */
export interface BackendPool {
  /** `group` names the targets, and stays while they change; `shared`: other frontends are on the socket. */
  readonly serve: (served: Served, group: string, shared: boolean) => Route
  /** All that were needed. */
  readonly sections: ReadonlyMap<string, Section>
}

/** `taken` are backends that stay as they are: where one has the name of another content, that gets another name. */
export function createPool(context: BackendContext, holder: Holder, taken: ReadonlyMap<string, Section>): BackendPool {
  const sections = new Map<string, Section>()
  const isFree = ({ name, section }: Needed) => {
    const other = taken.get(name) ?? sections.get(name)
    return other === undefined || isDeepStrictEqual(other, section)
  }
  const settle = (route: Route): Route => {
    for (let count = 1; ; count++) {
      const tried = count === 1 ? route : numbered(route, count)
      const needed = backendsOf(context, tried)
      if (!needed.every(isFree)) continue
      for (const { name, section } of needed) sections.set(name, section)
      return tried
    }
  }
  return { serve: (served, group, shared) => settle(nameBackends(holder, served, group, shared)), sections }
}

function numbered(route: Route, count: number): Route {
  const rename = (name: string) => `${name}.${count}`
  const { to, fallback, check } = route
  return {
    ...route,
    to: rename(to),
    fallback: fallback === undefined ? undefined : rename(fallback),
    check: check === undefined ? undefined : rename(check),
  }
}

function nameBackends(holder: Holder, served: Served, group: string, shared: boolean): Route {
  const { frontend } = served
  const targets = served.targets.map((target) => withoutSamePort(target, frontend.targetPort))
  const { proxyProtocol, balance, healthCheck, affinityMs, idleTimeoutMs, targetPort, maxConnections } = frontend
  const ported = targets.some((target) => target.port !== undefined)
  // A PROXY header names the port that the client connected to, so that must stay.
  const port = ported || proxyProtocol !== 'off' ? targetPort : undefined
  // Connections of one frontend among several on a socket can only be counted where they go.
  const counted = maxConnections !== undefined && shared ? [frontend.address, frontend.port, ...frontend.hosts] : []
  const check = healthCheck && nameCheck(holder, group, frontend, healthCheck)
  const nameTarget = (tracks: string | undefined) => {
    const parts = [group, port, proxyProtocol, balance, affinityMs, idleTimeoutMs, counted, tracks]
    return backendName(holder, 'to', parts)
  }
  const fallback = healthCheck?.derived === true ? nameTarget(undefined) : undefined
  return { frontend, targets, to: nameTarget(check), fallback, check, port }
}

/** A port of its own that is the frontend's is none: there is one way only to write what leads to the same. */
function withoutSamePort(target: Target, targetPort: number): Target {
  const { port, ...rest } = target
  return port === targetPort ? rest : target
}

function nameCheck(
  holder: Holder,
  group: string,
  { targetPort, proxyProtocol }: Served['frontend'],
  { kind, port, intervalMs, timeoutMs, rise, fall }: HealthCheck,
): string {
  const asked = port === undefined ? [targetPort, proxyProtocol] : [port]
  return backendName(holder, 'check', [group, kind, asked, intervalMs, timeoutMs, rise, fall])
}
