import type { Listener, Observed } from '../../model/driver.ts'
import { FairwayError } from '../../model/problems.ts'
import { CADDY_CAPABILITIES } from './capabilities.ts'
import type { AdminClient, Answer } from './client.ts'
import { answerProblem, revisionConflict } from './errors.ts'
import { adminListeners, fieldOf, isObject, readListeners } from './listeners.ts'
import type { ServerName } from './names.ts'
import type { CaddyOptions } from './options.ts'
import { readOwnership } from './ownership.ts'
import { type Entry, parseServer, type ServerPart, splitServer, tableOf } from './parse.ts'

export const SERVERS_PATH = '/config/apps/layer4/servers'

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

/** One reading of `/config/apps`: everything in it is of the same moment, and its Etag guards the write that follows. */
export interface Snapshot {
  readonly observed: Observed
  readonly etag: string
  /** Whether there is a layer4 app to set the servers of; PUT makes one, POST would not. */
  readonly hasLayer4: boolean
  /** By server key. As JSON values: what Caddy holds is parsed JSON too, so they go back as they came. */
  readonly foreign: ReadonlyMap<string, unknown>
  readonly owned: ReadonlyMap<string, OwnedServer>
  /** Those of the foreign ones that are our cluster's. */
  readonly siblings: ReadonlyMap<string, SiblingServer>
}

/** Reads the configuration of all apps. */
export async function readSnapshot(client: AdminClient, options: CaddyOptions, signal: AbortSignal): Promise<Snapshot> {
  const apps = await client.get('/config/apps', signal)
  const answer = apps.status === 400 ? await readNothing(client, apps, options, signal) : apps
  return snapshotOf(options, parseAnswer(options, answer), answer.etag ?? '')
}

/** A Caddy that was never configured has no `apps` to ask for: then the whole, which is null, is what the write is compared with. */
async function readNothing(
  client: AdminClient,
  apps: Answer,
  options: CaddyOptions,
  signal: AbortSignal,
): Promise<Answer> {
  const whole = await client.get('/config/', signal)
  if (whole.status !== 200) throw new FairwayError(answerProblem(options, apps.status, apps.body))
  if (whole.body.trim() === 'null') return whole
  // Somebody configured it between the two questions.
  throw new FairwayError(revisionConflict(options))
}

function parseAnswer(options: CaddyOptions, { status, body, etag }: Answer): unknown {
  if (status === 200 && etag !== undefined) {
    try {
      const value: unknown = JSON.parse(body)
      if (value === null || isObject(value)) return value
    } catch {
      // Falls through: something else answers at that URL.
    }
  }
  throw new FairwayError(answerProblem(options, status, body))
}

function snapshotOf(options: CaddyOptions, apps: unknown, etag: string): Snapshot {
  const layer4 = fieldOf(apps, 'layer4')
  const servers = fieldOf(layer4, 'servers')
  const foreign = new Map<string, unknown>()
  const owned = new Map<string, OwnedServer>()
  const siblings = new Map<string, SiblingServer>()
  for (const [key, json] of isObject(servers) ? Object.entries(servers) : []) {
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
    ...readListeners(apps, (app, server) => app === 'layer4' && owned.has(server)),
    ...adminListeners(options.url),
  ]
  const observed = observe(etag, { owned, siblings }, listeners)
  return { observed, etag, hasLayer4: isObject(layer4), foreign, owned, siblings }
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
