import { type Apps, readApps } from '../../caddy/apps.ts'
import { CADDY_CAPABILITIES } from '../../caddy/capabilities.ts'
import type { AdminClient } from '../../caddy/client.ts'
import { readListeners } from '../../caddy/listeners.ts'
import { readOwnership } from '../../caddy/ownership.ts'
import type { Listener, Observed } from '../../model/driver.ts'
import { sameJson } from '../../model/json.ts'
import { adminListeners } from '../../model/listeners.ts'
import type { ServerName } from '../../model/server-names.ts'
import { tableOf } from '../common/table-of.ts'
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

/** Reads the configuration of all apps. A server that is as it was in the snapshot before is not made out again. */
export async function readSnapshot(
  client: AdminClient,
  options: CaddyOptions,
  before: Snapshot | undefined,
  signal: AbortSignal,
): Promise<Snapshot> {
  return snapshotOf(options, await readApps(client, options, signal), before)
}

function snapshotOf(options: CaddyOptions, apps: Apps, before: Snapshot | undefined): Snapshot {
  const foreign = new Map<string, unknown>()
  const owned = new Map<string, OwnedServer>()
  const siblings = new Map<string, SiblingServer>()
  for (const [key, json] of apps.servers) {
    const known = before?.owned.get(key)
    if (known !== undefined && sameJson(known.json, json)) {
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
  const observed = observe(apps.etag, { owned, siblings }, listeners)
  return { observed, apps, foreign, owned, siblings }
}

function observe(
  revision: string,
  { owned, siblings }: Pick<Snapshot, 'owned' | 'siblings'>,
  listeners: readonly Listener[],
): Observed {
  const entries = [...owned.values()].flatMap((server) => server.entries)
  return {
    revision,
    table: tableOf(entries.flatMap(({ served }) => (served === undefined ? [] : [served]))),
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
