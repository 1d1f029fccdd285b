import { familyOf, hostPort } from '../model/address.ts'
import type { Protocol } from '../model/table.ts'
import { createShelf, type Shelf } from './shelf.ts'

/** What is bound on the machine. */
export interface Socket {
  readonly protocol: Protocol
  /** Canonical; `0.0.0.0` and `::` are all addresses of their family. */
  readonly address: string
  readonly port: number
}

/** `tcp/10.0.0.5:443` */
export function socketText({ protocol, address, port }: Socket): string {
  return `${protocol.toLowerCase()}/${hostPort(address, port)}`
}

/** All addresses of a family. `::` leaves IPv4 alone (IPV6_V6ONLY). */
export const WILDCARDS = { IPv4: '0.0.0.0', IPv6: '::' } as const

export function isWildcard(address: string): boolean {
  return address === WILDCARDS.IPv4 || address === WILDCARDS.IPv6
}

/** Whether two sockets cannot be bound side by side. */
export function socketsOverlap(a: Socket, b: Socket): boolean {
  if (a.protocol !== b.protocol || a.port !== b.port || familyOf(a.address) !== familyOf(b.address)) return false
  return a.address === b.address || isWildcard(a.address) || isWildcard(b.address)
}

/** Something that a socket is held for. */
export interface Holding {
  /** Frontends of one holder may share a socket by their hosts; two holders never do. */
  readonly holder: string
  readonly socket: Socket
  readonly hosts: readonly string[]
}

/** Who holds what, while it is given out. */
export interface Holdings<T extends Holding> {
  /** What a new holding would be in the way of: another holder's first. */
  findRival(holding: Holding): T | undefined
  add(holding: T): void
}

export function createHoldings<T extends Holding>(): Holdings<T> {
  const bySocket = new Map<string, Shelf<T>>()
  const byPort = new Map<string, Shelf<T>>()
  return {
    // Of one holder: a wildcard and one of its addresses cannot be one socket that hosts are told apart on.
    findRival: ({ holder, socket, hosts }) => {
      const { address } = socket
      const own = bySocket.get(socketText(socket))
      if (isWildcard(address)) {
        const all = byPort.get(portOf(socket))
        return all?.findOther(holder) ?? all?.findElsewhere(address) ?? own?.findOverlap(hosts)
      }
      const wildcard = bySocket.get(socketText({ ...socket, address: WILDCARDS[familyOf(address)] }))
      return own?.findOther(holder) ?? wildcard?.findOther(holder) ?? own?.findOverlap(hosts) ?? wildcard?.first()
    },
    add: (holding) => {
      shelfIn(bySocket, socketText(holding.socket)).add(holding)
      shelfIn(byPort, portOf(holding.socket)).add(holding)
    },
  }
}

function portOf({ protocol, address, port }: Socket): string {
  return `${familyOf(address)} ${protocol} ${port}`
}

function shelfIn<T extends Holding>(shelves: Map<string, Shelf<T>>, key: string): Shelf<T> {
  const shelf = shelves.get(key) ?? createShelf<T>()
  shelves.set(key, shelf)
  return shelf
}
