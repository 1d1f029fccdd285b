import { type Apps, readAll } from '../../../caddy/apps.ts'
import type { AdminClient } from '../../../caddy/client.ts'
import { readListeners } from '../../../caddy/listeners.ts'
import { readOwnership } from '../../../caddy/ownership.ts'
import type { Endpoint } from '../../../http/endpoint.ts'
import { isGone } from '../../../http/failures.ts'
import type { Listener } from '../../../model/driver.ts'
import { adminListeners } from '../../../model/listeners.ts'
import { type Socket, WILDCARDS } from '../../sockets.ts'
import { distinctSockets } from '../common/by-socket.ts'
import { OWNER } from './drawing.ts'

const REMEDY = `Give the cluster that calls itself ${OWNER.cluster} another name, and delete the servers fairway.${OWNER.cluster}.${OWNER.className}.* in Caddy`

/** What a running Caddy is configured with. */
export interface Running {
  readonly apps: Apps
  /** All of the configuration, as Caddy gives it. */
  readonly text: string
  /** Keys of the layer4 servers that are ours by their names or `@id`, edited ones included. */
  readonly ours: ReadonlySet<string>
}

/** Asks Caddy for all that it is configured with. Throws what `readAll` throws, and OwnerConflict. */
export async function readRunning(client: AdminClient, endpoint: Endpoint, signal: AbortSignal): Promise<Running> {
  const { text, ...apps } = await readAll(client, endpoint, signal)
  const { proxy } = endpoint
  const asked = { proxy, owner: OWNER, remedy: REMEDY }
  const isOurs = ([key, json]: [string, unknown]) => readOwnership(asked, key, json)?.whose === 'ours'
  return { apps, text, ours: new Set([...apps.servers].filter(isOurs).map(([key]) => key)) }
}

/** What Caddy listens on for its administrator. */
export function othersListeners({ apps, ours }: Running, { url, socketPath }: Endpoint): readonly Listener[] {
  const admin = socketPath === undefined ? adminListeners(url) : []
  return [...readListeners(apps.json, (app, server) => app === 'layer4' && ours.has(server)), ...admin]
}

/** What Caddy has bound for us: a configuration that it shows is one that it has started. */
export async function findBound(
  client: AdminClient,
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<readonly Socket[]> {
  const running = await readRunning(client, endpoint, signal).catch((error: unknown) => {
    if (isGone(error)) return undefined
    throw error
  })
  if (running === undefined) return []
  const listeners = readListeners(running.apps.json, (app, server) => app !== 'layer4' || !running.ours.has(server))
  return distinctSockets(listeners.flatMap(socketsOf))
}

/** We write one port, and name the family: anything else was edited. */
function socketsOf({ protocol, address, firstPort: port }: Listener): readonly Socket[] {
  if (protocol === undefined) return []
  const addresses = address === '*' ? Object.values(WILDCARDS) : [address]
  return addresses.map((one) => ({ protocol, address: one, port }))
}
