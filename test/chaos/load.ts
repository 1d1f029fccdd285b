/** Clients: connections all the time, and transfers that last as long as a storm. Says which of them got what they must not. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { askOver } from '../contract/clients.ts'
import { fairNow } from './fair-time.ts'
import { CLIENTS } from './namespace.ts'
import type { World } from './world.ts'

/** What clients connect to, and who shall answer. */
export interface Door {
  readonly service: string
  readonly address: string
  readonly port: number
  readonly host: string | undefined
}

export interface LoadCounts {
  readonly connections: number
  readonly transfers: number
  readonly complaints: readonly string[]
}

export interface Load {
  /** From now on a Service may be served or not; whoever else had its ports since the storm began may answer there. */
  allow(world: World, touched: string | undefined): void
  /** Whether connections may suffer for a while. */
  disturb(on: boolean): void
  /** Ends all of it, long transfers last. */
  end(): Promise<LoadCounts>
}

const CLIENTS_AT_ONCE = 4
const PAUSE_MS = 40
/** How long is no matter here, and a machine may be overloaded. */
const PATIENCE_MS = 30_000
/** More is asked only of a machine that lets us run. */
const JUDGED_AFTER_MS = 10_000
const LINE_EVERY_MS = 100
/** The first ones tell what is wrong. */
const MOST_COMPLAINTS = 20

async function openDoor({ address, port, host }: Door, localAddress: string, signal: AbortSignal): Promise<Socket> {
  const place = { host: address, port, localAddress }
  const socket =
    host === undefined ? connect(place) : connectTls({ ...place, servername: host, rejectUnauthorized: false })
  try {
    await once(socket, host === undefined ? 'connect' : 'secureConnect', { signal })
    return socket.on('error', () => {})
  } catch (error) {
    socket.on('error', () => {}).destroy()
    throw error
  }
}

/** Who answers there. Throws when nobody does. */
export async function askDoor(
  door: Door,
  localAddress: string = CLIENTS.allowed,
  patienceMs = PATIENCE_MS,
): Promise<string> {
  const limit = AbortSignal.timeout(patienceMs)
  const socket = await openDoor(door, localAddress, limit)
  try {
    return (await askOver(socket, limit)).name
  } finally {
    socket.destroy()
  }
}

export async function startLoad(doors: readonly Door[], world: World): Promise<Load> {
  const claims = new Map<string, Set<string>>(doors.map((door) => [keyOf(door), new Set([door.service])]))
  const touched = new Set<string>()
  const complaints: string[] = []
  const stop = new AbortController()
  let [disturbances, disturbed, connections] = [0, false, 0]
  const allow: Load['allow'] = (now, name) => {
    if (name !== undefined) touched.add(name)
    for (const { name: service, ports, host } of now.services)
      for (const port of ports) claims.get(keyOf({ port, host }))?.add(service)
  }
  allow(world, undefined)
  const complain = (text: string) =>
    complaints.length < MOST_COMPLAINTS && complaints.push(`${new Date().toISOString()} ${text}`)
  /** Whether all that has been since then was as it must be for a Service. */
  const watch = () => {
    const [before, count] = [disturbed, disturbances]
    return (service: string) => !before && !disturbed && disturbances === count && !touched.has(service)
  }

  async function connectOn(): Promise<void> {
    while (!stop.signal.aborted) {
      const door = doors[Math.floor(Math.random() * doors.length)]
      if (door === undefined) return
      const [isCalm, began] = [watch(), fairNow()]
      const answer = await askDoor(door).catch((error: unknown) =>
        error instanceof Error ? error : new Error(String(error)),
      )
      connections++
      const place = `${door.service} at ${door.address}:${door.port}`
      if (typeof answer === 'string') {
        if (!claims.get(keyOf(door))?.has(answer)) complain(`${answer} answered in place of ${place}`)
      } else if (isCalm(door.service) && (!isTimeout(answer) || fairNow() - began > JUDGED_AFTER_MS)) {
        complain(`${place} did not answer within ${Math.round(fairNow() - began)} ms: ${answer.message}`)
      }
      await sleep(PAUSE_MS)
    }
  }
  const clients = Array.from({ length: CLIENTS_AT_ONCE }, connectOn)
  const transfers = await Promise.all(
    doors.map((door) => startTransfer(door, watch(), complain).catch(() => undefined)),
  )
  return {
    allow,
    disturb: (on) => {
      disturbed = on
      if (on) disturbances++
    },
    end: async () => {
      stop.abort()
      await Promise.all(clients)
      for (const end of transfers) end?.()
      return { connections, transfers: transfers.filter((one) => one !== undefined).length, complaints }
    },
  }
}

function isTimeout({ message }: Error): boolean {
  return message === 'no answer' || message.startsWith('The operation was aborted')
}

function keyOf({ port, host }: Pick<Door, 'port' | 'host'>): string {
  return `${port} ${host ?? ''}`
}

/** Sends lines and expects them back, until the function that it gives is called. Nothing else may end it. */
async function startTransfer(
  door: Door,
  isCalm: (service: string) => boolean,
  complain: (text: string) => void,
): Promise<() => void> {
  const socket = await openDoor(door, CLIENTS.allowed, AbortSignal.timeout(PATIENCE_MS))
  let [sent, seen] = [0, '']
  socket.setEncoding('utf8').on('data', (text: string) => {
    seen = (seen + text).slice(-64)
  })
  const timer = setInterval(() => socket.write(`line ${sent++}\n`), LINE_EVERY_MS)
  const onClose = () => {
    clearInterval(timer)
    if (isCalm(door.service))
      complain(`a transfer with ${door.service} at ${door.address}:${door.port} broke after ${sent} lines`)
  }
  socket.on('close', onClose)
  return () => {
    clearInterval(timer)
    socket.off('close', onClose).destroy()
  }
}
