import type { Servers } from '../../caddy/apps.ts'
import { serverId } from '../../caddy/names.ts'
import { renderRoutes } from '../../caddy/render.ts'
import { isObject, sameJson } from '../../model/json.ts'
import { socketOf } from '../../model/listen.ts'
import { serverKey } from '../../model/server-names.ts'
import type { Decided } from './decided.ts'
import type { CaddyOptions } from './options.ts'
import type { Entry } from './parse.ts'
import type { Quarantine } from './quarantine.ts'
import { type Renderer, type ServerParts, splitKept } from './rendering.ts'
import type { OwnedServer, Snapshot } from './snapshot.ts'

export interface Merger {
  readonly options: CaddyOptions
  readonly quarantine: Quarantine
  readonly renderer: Renderer
}

/**
 * All servers as they shall be: those of others as they are, ours rendered anew, and what stays of those that were refused or are to be kept. What
 * stays is a part of a server: the other frontends of its socket come and go around it.
 */
export function mergeServers(
  { options, quarantine, renderer }: Merger,
  { foreign, owned }: Snapshot,
  { wanted, refused, keep, cut }: Decided,
): Servers {
  const servers = new Map(foreign)
  for (const [key, left] of cut) {
    if (left === undefined) servers.delete(key)
    else servers.set(key, left)
  }
  const given = Map.groupBy(
    wanted.filter(({ key }) => !refused.has(key)),
    (one) => renderer.nameOf(one),
  )
  const stays = ({ key }: Entry) => keep.has(key) || refused.get(key)?.keep === true
  const staying = [...owned].flatMap(([key, server]) => {
    const kept = server.entries.filter(stays)
    // A socket that cannot be bound fails the whole write, whoever's it is.
    if (kept.length === 0 || quarantine.bars(socketOf(options.listen, server.name))) return []
    return [{ key, name: serverKey(options.owner, server.name), server, kept }]
  })
  for (const { key, name, server, kept } of staying) {
    if (!given.has(name)) servers.set(key, reduceServer(serverId(options.owner, key), server, kept))
  }
  const keptBy = Map.groupBy(staying, ({ name }) => name)
  const parts = Array.from(given, ([name, all]): readonly [string, ServerParts] => {
    return [name, { wanted: all, kept: (keptBy.get(name) ?? []).flatMap(({ kept }) => kept) }]
  })
  const rendered = renderer.render(new Map(parts), (name) => owned.get(name)?.json)
  for (const [name, json] of rendered) servers.set(name, json)
  return servers
}

/** A server of which nothing is wanted any more but what stays of it. */
function reduceServer(id: string, { json, entries }: OwnedServer, kept: readonly Entry[]): unknown {
  if (kept.length === entries.length) return json
  const { served, routes } = splitKept(kept)
  return { ...(isObject(json) ? json : {}), routes: renderRoutes(id, served, routes) }
}

/** Whether servers are what a proxy has already. */
export function isSameAs({ foreign, owned }: Snapshot, servers: Servers): boolean {
  if (servers.size !== foreign.size + owned.size) return false
  return (
    [...foreign].every(([key, json]) => servers.get(key) === json) &&
    [...owned].every(([key, { json }]) => servers.has(key) && sameJson(servers.get(key), json))
  )
}
