import { readApps, type Servers, writeServers } from '../../caddy/apps.ts'
import type { AdminClient } from '../../caddy/client.ts'
import { answerProblem } from '../../caddy/errors.ts'
import { parseServerId, serverId } from '../../caddy/names.ts'
import { findOwnership } from '../../caddy/ownership.ts'
import type { Holding } from '../../model/adoption.ts'
import type { Adopter } from '../../model/driver.ts'
import { fieldOf, isObject } from '../../model/json.ts'
import { FairwayError } from '../../model/problems.ts'
import type { Owner } from '../../model/table.ts'
import type { CaddyOptions } from './options.ts'
import { splitServer } from './parse.ts'

/** A server of our name, whoever has marked it. */
interface NamedServer {
  readonly key: string
  readonly json: unknown
  readonly uid: string
  readonly frontends: number
}

/** What `fairway adopt` asks of a driver. */
export function createAdopter(client: AdminClient, options: CaddyOptions): Adopter {
  return {
    holdings: (signal) => readHoldings(client, options, signal),
    adopt: (from, signal) => adoptServers(client, options, from, signal),
  }
}

/** Who holds the servers that bear our name. */
async function readHoldings(
  client: AdminClient,
  options: CaddyOptions,
  signal: AbortSignal,
): Promise<readonly Holding[]> {
  const { servers } = await readApps(client, options, undefined, signal)
  const byUid = Map.groupBy(findNamed(options.owner, servers), ({ uid }) => uid)
  return [...byUid].map(([uid, all]) => {
    return { uid, frontends: all.reduce((sum, { frontends }) => sum + frontends, 0), writtenAt: undefined }
  })
}

/** Puts our UID in the place of another on all servers of our name that bear it. Nothing else in Caddy's configuration changes. */
async function adoptServers(
  client: AdminClient,
  options: CaddyOptions,
  from: string,
  signal: AbortSignal,
): Promise<void> {
  const { owner } = options
  const apps = await readApps(client, options, undefined, signal)
  const named = findNamed(owner, apps.servers).filter(({ uid }) => uid === from)
  if (named.length === 0) return
  const adopted = named.map(({ key, json }) => [key, markAnew(owner, json)] as const)
  const { status, body } = await writeServers(client, apps, new Map([...apps.servers, ...adopted]), signal)
  if (status >= 300) throw new FairwayError(answerProblem(options, status, body))
  options.log.info({ proxy: options.proxy, from, servers: named.length }, 'adopted servers')
}

function findNamed(owner: Owner, servers: Servers): readonly NamedServer[] {
  return [...servers].flatMap(([key, json]) => {
    const found = findOwnership(owner, key, json)
    if (found === undefined || found.whose === 'sibling') return []
    const uid = found.whose === 'copied' ? found.uid : owner.uid
    return { key, json, uid, frontends: splitServer(found.name, json).length }
  })
}

/** The server with our UID in its `@id`, and in all that begins with that. What was edited by hand stays edited. */
function markAnew(owner: Owner, json: unknown): unknown {
  const id = parseServerId(fieldOf(json, '@id'))
  if (id === undefined) return json
  const before = serverId(id, id.key)
  const after = serverId(owner, id.key)
  const mark = (text: string) =>
    text === before || text.startsWith(`${before}.`) ? after + text.slice(before.length) : text
  return replaceIds(json, mark)
}

function replaceIds(json: unknown, mark: (id: string) => string): unknown {
  if (Array.isArray(json)) return json.map((one) => replaceIds(one, mark))
  if (!isObject(json)) return json
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => [
      name,
      name === '@id' && typeof value === 'string' ? mark(value) : replaceIds(value, mark),
    ]),
  )
}
