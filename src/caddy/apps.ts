import type { Endpoint } from '../http/endpoint.ts'
import { revisionConflict } from '../http/failures.ts'
import { fieldOf, isObject, sameJson } from '../model/json.ts'
import { createMemo } from '../model/memo.ts'
import { FairwayError } from '../model/problems.ts'
import type { AdminClient, Answer } from './client.ts'
import { answerProblem } from './errors.ts'

const SERVERS_PATH = '/config/apps/layer4/servers'

/** One reading of Caddy's apps: everything in it is of the same moment, and its Etag guards the write that follows. */
export interface Apps {
  readonly etag: string
  /** Undefined: Caddy was never configured. */
  readonly json: unknown
  /** Of the layer4 app, by key. As JSON values: what Caddy holds is parsed JSON too, so they go back as they came. */
  readonly servers: ReadonlyMap<string, unknown>
}

/** One that the next is compared with. */
export interface SeenApps extends Apps {
  /** What Caddy answered. */
  readonly text: string
}

/** All servers of the layer4 app, by their keys. */
export type Servers = ReadonlyMap<string, unknown>

/**
 * Reads the configuration of all apps. What is as it was in the reading before is the same object as there: all of it where Caddy says the same text, which
 * is not parsed again, or else each server.
 */
export async function readApps(
  client: AdminClient,
  endpoint: Endpoint,
  before: SeenApps | undefined,
  signal: AbortSignal,
): Promise<SeenApps> {
  const apps = await client.get('/config/apps', signal)
  const answer = apps.status === 400 ? await readNothing(client, apps, endpoint, signal) : apps
  if (before !== undefined && answer.status === 200 && answer.etag === before.etag && answer.body === before.text) {
    return before
  }
  const fresh = appsOf(answer, parseAnswer(endpoint, answer))
  return { ...(before === undefined ? fresh : shareServers(before.servers, fresh)), text: answer.body }
}

/** Puts the servers of a reading before in the place of those that are the same. */
function shareServers(before: Servers, { etag, json, servers }: Apps): Apps {
  const shared = new Map(
    Array.from(servers, ([key, server]) => {
      const known = before.get(key)
      return [key, known !== undefined && sameJson(known, server) ? known : server] as const
    }),
  )
  const layer4 = fieldOf(json, 'layer4')
  if (!isObject(json) || !isObject(layer4) || shared.size === 0) return { etag, json, servers: shared }
  // What is not kept of all that was parsed need not be held in memory either.
  return { etag, json: { ...json, layer4: { ...layer4, servers: Object.fromEntries(shared) } }, servers: shared }
}

/** Reads all of the configuration, whose Etag guards all of it, and gives its text, too. */
export async function readAll(client: AdminClient, endpoint: Endpoint, signal: AbortSignal): Promise<SeenApps> {
  const answer = await client.get('/config/', signal)
  return { ...appsOf(answer, fieldOf(parseAnswer(endpoint, answer), 'apps')), text: answer.body }
}

function appsOf({ etag = '' }: Answer, json: unknown): Apps {
  const servers = fieldOf(fieldOf(json, 'layer4'), 'servers')
  return { etag, json, servers: new Map(isObject(servers) ? Object.entries(servers) : []) }
}

/**
 * Replaces all servers in exchange for what was read, and gives Caddy's answer. Where there is no layer4 app to set the servers of, PUT makes one;
 * POST would not.
 */
export function writeServers(
  client: AdminClient,
  { etag, json }: Pick<Apps, 'etag' | 'json'>,
  servers: Servers,
  signal: AbortSignal,
): Promise<Answer> {
  const method = isObject(fieldOf(json, 'layer4')) ? 'POST' : 'PUT'
  return client.write(method, SERVERS_PATH, etag, serversText(servers), signal)
}

/** Servers as JSON text. A server is an object that never changes, and most of them come again with every write. */
export function serversText(servers: Servers): string {
  const fields = Array.from(
    servers,
    ([key, server]) => `${JSON.stringify(key)}:${isObject(server) ? textOf(server) : JSON.stringify(server)}`,
  )
  return `{${fields.join(',')}}`
}

const textOf = createMemo((server: object) => JSON.stringify(server))

/** A Caddy that was never configured has no `apps` to ask for: then the whole, which is null, is what the write is compared with. */
async function readNothing(
  client: AdminClient,
  apps: Answer,
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<Answer> {
  const whole = await client.get('/config/', signal)
  if (whole.status !== 200) throw new FairwayError(answerProblem(endpoint, apps.status, apps.body))
  if (whole.body.trim() === 'null') return whole
  // Somebody configured it between the two questions.
  throw new FairwayError(revisionConflict(endpoint, 'Caddy'))
}

function parseAnswer(endpoint: Endpoint, { status, body, etag }: Answer): unknown {
  if (status === 200 && etag !== undefined) {
    try {
      const value: unknown = JSON.parse(body)
      if (value === null || isObject(value)) return value
    } catch {
      // Falls through: something else answers at that URL.
    }
  }
  throw new FairwayError(answerProblem(endpoint, status, body))
}
