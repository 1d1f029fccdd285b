import type { Servers } from '../../caddy/apps.ts'
import { serverId } from '../../caddy/names.ts'
import { renderRoutes, renderServer } from '../../caddy/render.ts'
import { isObject, sameJson } from '../../model/json.ts'
import { socketOf } from '../../model/listen.ts'
import { serverKey } from '../../model/server-names.ts'
import type { Served } from '../../model/table.ts'
import type { Decided } from './decided.ts'
import type { CaddyOptions } from './options.ts'
import type { Entry } from './parse.ts'
import type { Quarantine } from './quarantine.ts'
import type { OwnedServer, Snapshot } from './snapshot.ts'

/**
 * All servers as they shall be: those of others as they are, ours rendered anew, and what stays of those that were refused or are to be kept. What
 * stays is a part of a server: the other frontends of its socket come and go around it.
 */
export function mergeServers(
  { options, quarantine }: { readonly options: CaddyOptions; readonly quarantine: Quarantine },
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
    ({ frontend }) => serverKey(options.owner, frontend),
  )
  const stays = ({ key }: Entry) => keep.has(key) || refused.get(key)?.keep === true
  const staying = [...owned].flatMap(([key, server]) => {
    // A socket that cannot be bound fails the whole write, whoever's it is.
    const isBarred = quarantine.bars(socketOf(options.listen, server.name))
    const kept = isBarred ? [] : server.entries.filter(stays)
    return kept.length === 0 ? [] : [{ key, name: serverKey(options.owner, server.name), server, kept }]
  })
  for (const { key, name, server, kept } of staying) {
    if (!given.has(name)) servers.set(key, reduceServer(serverId(options.owner, key), server, kept))
  }
  const keptBy = Map.groupBy(staying, ({ name }) => name)
  for (const [name, [first, ...more]] of given) {
    const { served, routes } = splitKept((keptBy.get(name) ?? []).flatMap(({ kept }) => kept))
    if (first !== undefined) servers.set(name, renderServer(options, [first, ...more, ...served], routes))
  }
  return servers
}

/** A server of which nothing is wanted any more but what stays of it. */
function reduceServer(id: string, { json, entries }: OwnedServer, kept: readonly Entry[]): unknown {
  if (kept.length === entries.length) return json
  const { served, routes } = splitKept(kept)
  return { ...(isObject(json) ? json : {}), routes: renderRoutes(id, served, routes) }
}

/** What we know to render is rendered, as its form depends on its neighbours; what was edited by hand stays so. */
function splitKept(kept: readonly Entry[]): { readonly served: readonly Served[]; readonly routes: readonly Entry[] } {
  return {
    served: kept.flatMap(({ served }) => served ?? []),
    routes: kept.filter(({ served }) => served === undefined),
  }
}

/** Whether servers are what a proxy has already. */
export function isSameAs({ foreign, owned }: Snapshot, servers: Servers): boolean {
  if (servers.size !== foreign.size + owned.size) return false
  return (
    [...foreign].every(([key, json]) => servers.get(key) === json) &&
    [...owned].every(([key, { json }]) => servers.has(key) && sameJson(servers.get(key), json))
  )
}
