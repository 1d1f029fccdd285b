import type { Listener, Observed } from '../../model/driver.ts'
import { FairwayError } from '../../model/problems.ts'
import { type FrontendKey, frontendKey } from '../../model/table.ts'
import type { AdminClient, Answer } from './client.ts'
import { answerProblem, revisionConflict } from './errors.ts'
import { adminListeners, fieldOf, isObject, readListeners } from './listeners.ts'
import { isNameOf, parseServerId, parseServerKey, type ServerName, serverId } from './names.ts'
import type { CaddyOptions } from './options.ts'
import { type ParsedServer, parseServer, tableOf } from './parse.ts'

export const SERVERS_PATH = '/config/apps/layer4/servers'

/** A server that bears our marks. */
export interface OwnedServer {
  readonly frontend: FrontendKey
  readonly json: unknown
  /** Undefined: edited by hand. */
  readonly parsed: ParsedServer | undefined
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
  for (const [key, json] of isObject(servers) ? Object.entries(servers) : []) {
    const name = readOwnership(options, key, json)
    if (name === undefined) foreign.set(key, json)
    else
      owned.set(key, {
        frontend: frontendKey(name),
        json,
        parsed: isMarked(options, key, json) ? parseServer(options, json) : undefined,
      })
  }
  const listeners = [
    ...readListeners(apps, (app, server) => app === 'layer4' && owned.has(server)),
    ...adminListeners(options.url),
  ]
  return { observed: observe(etag, owned, listeners), etag, hasLayer4: isObject(layer4), foreign, owned }
}

function observe(revision: string, owned: Snapshot['owned'], listeners: readonly Listener[]): Observed {
  const servers = [...owned.values()]
  const table = tableOf(servers.flatMap(({ parsed }) => (parsed === undefined ? [] : [parsed])))
  const drifted = new Set(servers.flatMap(({ frontend, parsed }) => (parsed === undefined ? [frontend] : [])))
  return { revision, table, drifted, listeners }
}

/**
 * Whose a server is: the frontend it is for when it is ours, undefined when it is not.
 *
 * | key              | `@id`                      | it is                                            |
 * | ---------------- | -------------------------- | ------------------------------------------------ |
 * | ours             | ours, same key             | ours                                             |
 * | ours             | ours, but of another UID   | a copied configuration: the whole read is refused|
 * | ours             | missing or anything else   | ours by name, edited                             |
 * | anything else    | ours, with our UID         | ours, renamed: the `@id` must be free for us     |
 * | anything else    | anything else              | somebody's                                       |
 */
function readOwnership(options: CaddyOptions, key: string, json: unknown): ServerName | undefined {
  const { owner } = options
  const name = parseServerKey(key)
  const id = parseServerId(fieldOf(json, '@id'))
  const idIsOurs = id !== undefined && isNameOf(owner, id.name)
  if (name !== undefined && isNameOf(owner, name)) {
    if (idIsOurs && id.uid !== owner.uid) throw new FairwayError(conflict(options, key, id.uid))
    return name
  }
  return idIsOurs && id.uid === owner.uid ? id.name : undefined
}

function isMarked({ owner }: CaddyOptions, key: string, json: unknown): boolean {
  return fieldOf(json, '@id') === serverId(owner, key)
}

function conflict({ proxy, owner }: CaddyOptions, key: string, uid: string) {
  const name = `${owner.cluster}/${owner.className}`
  return {
    code: 'OwnerConflict',
    kind: 'terminal',
    message: `server ${key} on proxy ${proxy} belongs to another cluster that also calls itself ${name} (UID ${uid}, ours is ${owner.uid})`,
    remedy: `Give each cluster a name of its own; if this cluster replaces the other one, delete the servers fairway.${owner.cluster}.${owner.className}.* on the proxy`,
  } as const
}
