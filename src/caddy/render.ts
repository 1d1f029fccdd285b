import { durationText } from '../model/duration.ts'
import { type ListenMap, listenText, socketOf } from '../model/listen.ts'
import { serverKey } from '../model/server-names.ts'
import type { Frontend, Owner, Served } from '../model/table.ts'
import { serverId } from './names.ts'
import { compareHosts, renderRoute } from './routes.ts'
import type { ServerJson, ShellJson } from './shape.ts'

export interface RenderContext {
  readonly owner: Owner
  readonly listen: ListenMap
}

/** Routes that stay as they are. */
export interface KeptRoutes {
  readonly hosts: readonly string[]
  readonly routes: readonly unknown[]
}

/** Renders the frontends of one socket as one server of the layer4 app. Throws on what `findUnrenderable` finds. */
export function renderServer(
  context: RenderContext,
  all: readonly [Served, ...Served[]],
  kept: readonly KeptRoutes[] = [],
): ServerJson {
  const shell = renderShell(context, all[0].frontend)
  return { ...shell, routes: renderRoutes(shell['@id'], all, kept) }
}

type Shelled = Pick<Frontend, 'address' | 'port' | 'protocol' | 'idleTimeoutMs'>

/** Renders a server but for its routes. */
export function renderShell(context: RenderContext, frontend: Shelled): ShellJson {
  const { idleTimeoutMs } = frontend
  return {
    '@id': serverId(context.owner, serverKey(context.owner, frontend)),
    listen: [listenText(socketOf(context.listen, frontend))],
    ...(idleTimeoutMs === undefined ? {} : { idle_timeout: durationText(idleTimeoutMs) }),
  }
}

/** Renders the routes of the server with an `@id`, in their order. */
export function renderRoutes(id: string, all: readonly Served[], kept: readonly KeptRoutes[] = []): readonly unknown[] {
  const isShared = [...all.map(({ frontend }) => frontend), ...kept].some(({ hosts }) => hosts.length > 0)
  const rendered = all.map((served) => ({
    hosts: served.frontend.hosts,
    routes: [renderRoute(id, served, isShared)],
  }))
  return [...rendered, ...kept].toSorted((a, b) => compareHosts(a.hosts, b.hosts)).flatMap(({ routes }) => routes)
}
