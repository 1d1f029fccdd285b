import { isDeepStrictEqual } from 'node:util'
import { fieldOf } from '../model/json.ts'
import type { ServerName } from '../model/server-names.ts'
import { compareText, type Served } from '../model/table.ts'
import { readHandler, renderHandler } from './handlers.ts'
import { type HandlerJson, type RouteJson, routeShape } from './shape.ts'
import { findUnrenderable } from './unrenderable.ts'

/**
 * Renders a frontend as a route of its server. `isShared`: the server has frontends with hosts, and so waits for a ClientHello.
 * Throws on what `findUnrenderable` finds.
 *
 * Caddy tries routes from the first to the last, and one that cannot tell yet is overtaken by any later one that matches, but for a route without
 * `match` (caddy-l4, `RouteList.Compile`). A ClientHello often comes in two packets. So in a shared server nothing but the host stands in `match`;
 * source ranges are looked at behind it, where whoever is not in them is closed: otherwise the next route would be tried, and the frontend without
 * hosts would get the clients that one with hosts turns away.
 */
export function renderRoute(id: string, served: Served, isShared: boolean): RouteJson {
  const fault = findUnrenderable('', served.frontend, served.targets)
  if (fault !== undefined) throw new TypeError(fault.message)
  const { hosts, sourceRanges } = served.frontend
  const handler = renderHandler(markOf(id, hosts), served)
  const sources = sourceRanges.length === 0 ? undefined : { ranges: [...sourceRanges] }
  if (!isShared) {
    return { ...(sources === undefined ? {} : { match: [{ remote_ip: sources }] as const }), handle: [handler] }
  }
  return {
    ...(hosts.length === 0 ? {} : { match: [{ tls: { sni: [...hosts] } }] as const }),
    handle: [sources === undefined ? handler : restrict(handler, sources)],
  }
}

function restrict(handler: HandlerJson, sources: { ranges: string[] }): RouteJson['handle'][0] {
  return {
    handler: 'subroute',
    routes: [{ match: [{ remote_ip: sources }], handle: [handler] }, { handle: [{ handler: 'close' }] }],
  }
}

/** What every `@id` in a frontend's route begins with: no two frontends on a proxy have the same. */
function markOf(id: string, hosts: readonly string[]): string {
  return hosts.length === 0 ? id : `${id}.${hosts.join(',')}`
}

/** The server that a route is in. */
export interface RouteContext {
  readonly id: string
  readonly name: ServerName
  readonly idleTimeoutMs: number | undefined
  readonly isShared: boolean
}

/** Reads a route back as what `renderRoute` made it of, or undefined when that would render differently: then somebody has edited it. */
export function readRoute({ id, name, idleTimeoutMs, isShared }: RouteContext, json: unknown): Served | undefined {
  const shaped = routeShape.safeParse(json)
  if (!shaped.success) return undefined
  const [handler] = shaped.data.handle
  const [outer] = shaped.data.match ?? []
  const hosts = outer?.tls?.sni ?? []
  const [inner, sources] =
    handler.handler === 'subroute'
      ? [handler.routes[0].handle[0], handler.routes[0].match[0].remote_ip]
      : [handler, outer?.remote_ip]
  const routing = readHandler(markOf(id, hosts), inner)
  if (routing === undefined) return undefined
  const { targets, ...settings } = routing
  const { address, port, protocol } = name
  const frontend = {
    address,
    port,
    protocol,
    ...settings,
    affinityMs: undefined,
    idleTimeoutMs,
    maxConnections: undefined,
    sourceRanges: sources?.ranges ?? [],
    hosts,
    service: undefined,
  }
  return isDeepStrictEqual(renderRoute(id, { frontend, targets }, isShared), json) ? { frontend, targets } : undefined
}

/** The hosts that a route is for, whoever wrote it; empty where it names none. */
export function hostsOf(route: unknown): readonly string[] {
  const match = fieldOf(route, 'match')
  const sni = fieldOf(fieldOf(Array.isArray(match) ? match[0] : undefined, 'tls'), 'sni')
  return Array.isArray(sni) ? sni.filter((host: unknown) => typeof host === 'string') : []
}

/** The order of routes: exact hosts, then those with wildcards, and last the one without hosts, which gets what is left. */
export function compareHosts(a: readonly string[], b: readonly string[]): number {
  return rankOf(a) - rankOf(b) || compareText(a.join(','), b.join(','))
}

function rankOf(hosts: readonly string[]): number {
  if (hosts.length === 0) return 2
  return hosts.some((host) => host.startsWith('*')) ? 1 : 0
}
