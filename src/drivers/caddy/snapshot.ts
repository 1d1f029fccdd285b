import { type Apps, readApps, type SeenApps } from '../../caddy/apps.ts'
import { CADDY_CAPABILITIES } from '../../caddy/capabilities.ts'
import type { AdminClient } from '../../caddy/client.ts'
import { readListeners } from '../../caddy/listeners.ts'
import { readOwnership } from '../../caddy/ownership.ts'
import type { Listener, Observed } from '../../model/driver.ts'
import { adminListeners } from '../../model/listeners.ts'
import type { ServerName } from '../../model/server-names.ts'
import { createTableMaker, type TableMaker } from '../common/table-of.ts'
import type { CaddyOptions } from './options.ts'
import { type Entry, parseServer, type ServerPart, splitServer } from './parse.ts'

/** A server that bears our marks: all that we have on a socket. */
export interface OwnedServer {
  readonly name: ServerName
  readonly json: unknown
  readonly entries: readonly Entry[]
}

/** A server of another class of our cluster. */
export interface SiblingServer {
  readonly name: ServerName
  readonly json: unknown
  readonly parts: readonly ServerPart[]
}

/** One reading of all apps. */
export interface Snapshot {
  readonly observed: Observed
  readonly apps: Apps
  /** By server key. */
  readonly foreign: ReadonlyMap<string, unknown>
  readonly owned: ReadonlyMap<string, OwnedServer>
  /** Those of the foreign ones that are our cluster's. */
  readonly siblings: ReadonlyMap<string, SiblingServer>
}

/** Reads one Caddy again and again. What is as it was the last time is not made out again, and stays the same object. */
export interface Reader {
  /** Reads the configuration of all apps, and makes out what in it is ours. */
  read(signal: AbortSignal): Promise<Snapshot>
  /** What there is by now, whoever's it is. */
  look(signal: AbortSignal): Promise<Apps>
}

export function createReader(client: AdminClient, options: CaddyOptions): Reader {
  const toTable = createTableMaker()
  let seen: SeenApps | undefined
  let last: Snapshot | undefined
  const look = async (signal: AbortSignal): Promise<SeenApps> => {
    seen = await readApps(client, options, seen, signal)
    return seen
  }
  const read = async (signal: AbortSignal): Promise<Snapshot> => {
    const apps = await look(signal)
    if (last?.apps !== apps) last = snapshotOf(options, apps, last, toTable)
    return last
  }
  return { look, read }
}

function snapshotOf(options: CaddyOptions, apps: Apps, before: Snapshot | undefined, toTable: TableMaker): Snapshot {
  const foreign = new Map<string, unknown>()
  const owned = new Map<string, OwnedServer>()
  const siblings = new Map<string, SiblingServer>()
  for (const [key, json] of apps.servers) {
    const known = before?.owned.get(key)
    if (known !== undefined && known.json === json) {
      owned.set(key, known)
      continue
    }
    const ownership = readOwnership(options, key, json)
    if (ownership?.whose === 'ours') {
      const { name } = ownership
      owned.set(key, { name, json, entries: parseServer(options, key, name, json) })
      continue
    }
    foreign.set(key, json)
    if (ownership?.whose === 'sibling') {
      const { name } = ownership
      siblings.set(key, { name, json, parts: splitServer(name, json) })
    }
  }
  const listeners = [
    ...readListeners(apps.json, (app, server) => app === 'layer4' && owned.has(server)),
    ...adminListeners(options.url),
  ]
  const observed = observe(apps.etag, { owned, siblings }, listeners, toTable)
  return { observed, apps, foreign, owned, siblings }
}

function observe(
  revision: string,
  { owned, siblings }: Pick<Snapshot, 'owned' | 'siblings'>,
  listeners: readonly Listener[],
  toTable: TableMaker,
): Observed {
  const entries = [...owned.values()].flatMap((server) => server.entries)
  return {
    revision,
    table: toTable(entries.flatMap(({ served }) => (served === undefined ? [] : [served]))),
    drifted: new Set(entries.flatMap(({ served, key }) => (served === undefined ? [key] : []))),
    listeners,
    siblings: [...siblings.values()].flatMap(({ name, parts }) =>
      parts.map(({ key }) => ({ className: name.className, key })),
    ),
    refused: [],
    notices: [],
    trouble: undefined,
    capabilities: CADDY_CAPABILITIES,
  }
}
