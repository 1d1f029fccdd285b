import { isDeepStrictEqual } from 'node:util'
import { readDuration } from '../../caddy/durations.ts'
import { type KeptRoutes, type RenderContext, renderShell } from '../../caddy/render.ts'
import { compareHosts, hostsOf, type RouteContext, readRoute } from '../../caddy/routes.ts'
import { shellShape } from '../../caddy/shape.ts'
import { fieldOf } from '../../model/json.ts'
import { type ServerName, serverKey } from '../../model/server-names.ts'
import type { Served } from '../../model/table.ts'
import { type FrontendKey, frontendKey } from '../../model/table.ts'

/** A frontend's part of a server: its routes, as the proxy has them. */
export interface ServerPart extends KeptRoutes {
  readonly key: FrontendKey
}

/** A part of a server of ours. */
export interface Entry extends ServerPart {
  /** Undefined: not as we would write it. */
  readonly served: Served | undefined
}

/** Splits a server into the frontends that it is for, by the hosts of its routes. One without routes is for the one without hosts. */
export function splitServer(name: ServerName, json: unknown): readonly ServerPart[] {
  const found = fieldOf(json, 'routes')
  const routes: readonly unknown[] = Array.isArray(found) ? found : []
  const parts = [...Map.groupBy(routes, (route) => frontendKey({ ...name, hosts: hostsOf(route) }))].map(
    ([key, own]) => ({ key, hosts: hostsOf(own[0]), routes: own }),
  )
  return parts.length > 0 ? parts : [{ key: frontendKey({ ...name, hosts: [] }), hosts: [], routes: [] }]
}

/**
 * Reads a server back as the frontends that `renderServer` wrote it for. Where one route is edited, its frontend is; where the server itself is, or
 * the order of its routes, or the listen map has changed, all are.
 */
export function parseServer(context: RenderContext, key: string, name: ServerName, json: unknown): readonly Entry[] {
  const parts = splitServer(name, json)
  const isShared = parts.some(({ hosts }) => hosts.length > 0)
  const inOrder = isDeepStrictEqual(
    parts,
    parts.toSorted((a, b) => compareHosts(a.hosts, b.hosts)),
  )
  const shell = key === serverKey(context.owner, name) && inOrder ? readShell(context, name, json) : undefined
  return parts.map((part) => {
    const [route, ...more] = part.routes
    const served = shell === undefined || more.length > 0 ? undefined : tryRoute({ ...shell, name, isShared }, route)
    return { ...part, served }
  })
}

function readShell(context: RenderContext, name: ServerName, json: unknown) {
  const shaped = shellShape.safeParse(json)
  if (!shaped.success) return undefined
  const { routes: _routes, ...shell } = shaped.data
  const idleTimeoutMs = shell.idle_timeout === undefined ? undefined : readDuration(shell.idle_timeout)
  const isOurs = isDeepStrictEqual(shell, renderShell(context, { ...name, idleTimeoutMs }))
  return isOurs ? { id: shell['@id'], idleTimeoutMs } : undefined
}

function tryRoute(context: RouteContext, route: unknown): Served | undefined {
  try {
    return readRoute(context, route)
  } catch {
    // Well-formed, but nothing that we would write: a placeholder for an address, a port out of range.
    return undefined
  }
}
