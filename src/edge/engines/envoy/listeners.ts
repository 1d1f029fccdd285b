import * as z from 'zod'
import { isGone } from '../../../http/failures.ts'
import { canonicalAddress } from '../../../model/address.ts'
import type { Listener } from '../../../model/driver.ts'
import type { Socket } from '../../sockets.ts'
import { distinctSockets } from '../common/by-socket.ts'
import type { Admin } from './admin.ts'
import { OURS } from './blueprint.ts'

const place = z.object({ socket_address: z.object({ address: z.string(), port_value: z.number() }).optional() })
const answer = z.object({
  listener_statuses: z
    .array(
      z.object({
        name: z.string(),
        local_address: place,
        additional_local_addresses: z.array(place).default([]),
      }),
    )
    .default([]),
})

/** One address of a listener, as the running Envoy tells it. It does not tell the protocol. */
interface Told {
  readonly name: string
  readonly address: string
  readonly port: number
}

async function readTold(admin: Admin, signal: AbortSignal): Promise<readonly Told[]> {
  return parseTold(await askOrNothing(admin, '/listeners?format=json', signal))
}

/** Where no Envoy runs, nothing is bound. */
async function askOrNothing(admin: Admin, path: string, signal: AbortSignal): Promise<string> {
  return admin.get(path, signal).catch((error: unknown) => {
    if (isGone(error)) return '{}'
    throw error
  })
}

/** Reads an answer of `/listeners`. What listens on no address and port, as a unix socket, is left out. */
export function parseTold(text: string): readonly Told[] {
  return answer.parse(JSON.parse(text)).listener_statuses.flatMap((one) =>
    [one.local_address, ...one.additional_local_addresses].flatMap(({ socket_address }) => {
      const address = canonicalAddress(socket_address?.address ?? '')
      return address === undefined || socket_address === undefined
        ? []
        : [{ name: one.name, address, port: socket_address.port_value }]
    }),
  )
}

/**
 * Sockets of ours, whose names tell the protocol. Those of UDP listeners that were removed count as well: Envoy keeps them until the time for draining is
 * over, answers nobody there, and takes them up again for a listener that comes back.
 */
export async function findBound(admin: Admin, signal: AbortSignal): Promise<readonly Socket[]> {
  const told = (await readTold(admin, signal)).flatMap(({ name, address, port }) => {
    const protocol = name.startsWith(`${OURS}tcp.`) ? 'TCP' : name.startsWith(`${OURS}udp.`) ? 'UDP' : undefined
    return protocol === undefined ? [] : [{ protocol, address, port } as const]
  })
  const all = [...told, ...(await findLingering(admin, signal))]
  return distinctSockets(all)
}

/** What was rejected is told once more without a name. */
const drainingAnswer = z.object({
  configs: z
    .array(
      z.object({
        name: z.string().default(''),
        draining_state: z.object({ listener: z.object({ address: place }) }).optional(),
      }),
    )
    .default([]),
})

async function findLingering(admin: Admin, signal: AbortSignal): Promise<readonly Socket[]> {
  const path = '/config_dump?resource=dynamic_listeners&mask=name,draining_state'
  const text = await askOrNothing(admin, path, signal)
  return drainingAnswer.parse(JSON.parse(text)).configs.flatMap(({ name, draining_state }) => {
    const found = draining_state?.listener.address.socket_address
    const address = canonicalAddress(found?.address ?? '')
    if (!name.startsWith(`${OURS}udp.`) || found === undefined || address === undefined) return []
    return [{ protocol: 'UDP' as const, address, port: found.port_value }]
  })
}

/** Sockets of the administrator's listeners, and of Envoy's admin endpoint. `::` may take IPv4 as well. */
export async function findForeign(admin: Admin, where: string, signal: AbortSignal): Promise<readonly Listener[]> {
  const told = (await readTold(admin, signal)).filter(({ name }) => !name.startsWith(OURS))
  const own = told.map(({ name, address, port }) => listenerOf(undefined, address, port, `listener ${name}`))
  const [, bracketed, plain = bracketed, port] = /^(?:\[(.+)\]|([^/:]+)):(\d+)$/.exec(where) ?? []
  return port === undefined ? own : [...own, listenerOf('TCP', plain ?? '', Number(port), 'admin')]
}

function listenerOf(protocol: Listener['protocol'], address: string, port: number, holder: string): Listener {
  return { protocol, address: address === '::' ? '*' : address, firstPort: port, lastPort: port, holder }
}
