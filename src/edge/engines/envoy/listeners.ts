import { z } from 'zod'
import { canonicalAddress } from '../../../model/address.ts'
import type { Listener } from '../../../model/driver.ts'
import { type Socket, socketText } from '../../sockets.ts'
import { type Admin, isGone } from './admin.ts'
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
  const text = await admin.get('/listeners?format=json', signal).catch((error: unknown) => {
    if (isGone(error)) return '{}'
    throw error
  })
  return parseTold(text)
}

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
  return [...new Map(all.map((one) => [socketText(one), one])).values()]
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
  const text = await admin.get(path, signal).catch((error: unknown) => {
    if (isGone(error)) return '{}'
    throw error
  })
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
