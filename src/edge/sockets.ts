import { familyOf, hostPort } from '../model/address.ts'
import type { Protocol } from '../model/table.ts'
import { addTo, createShelf, findElsewhere, findOther, findOverlap, type Shelf } from './shelf.ts'

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
  const all: T[] = []
  let hasWildcards = false
  /** Who asks for all addresses of a port, which few do, is in the way of each of them. */
  let byPort: Map<string, Shelf<T>> | undefined
  const onPort = (socket: Socket): Shelf<T> | undefined => {
    if (byPort === undefined) {
      byPort = new Map()
      for (const one of all) put(byPort, portOf(one.socket), one)
    }
    return byPort.get(portOf(socket))
  }
  return {
    // Of one holder: a wildcard and one of its addresses cannot be one socket that hosts are told apart on.
    findRival: ({ holder, socket, hosts }) => {
      const { address } = socket
      const own = bySocket.get(socketText(socket))
      const overlap = () => own && findOverlap(own, hosts)
      if (isWildcard(address)) {
        const others = onPort(socket)
        return (others && (findOther(others, holder) ?? findElsewhere(others, address))) ?? overlap()
      }
      if (!hasWildcards) return own && (findOther(own, holder) ?? overlap())
      const wildcard = bySocket.get(socketText({ ...socket, address: WILDCARDS[familyOf(address)] }))
      const other = (own && findOther(own, holder)) ?? (wildcard && findOther(wildcard, holder))
      return other ?? overlap() ?? wildcard?.first
    },
    add: (holding) => {
      const { socket } = holding
      hasWildcards ||= isWildcard(socket.address)
      all.push(holding)
      put(bySocket, socketText(socket), holding)
      if (byPort !== undefined) put(byPort, portOf(socket), holding)
    },
  }
}

function portOf({ protocol, address, port }: Socket): string {
  return `${familyOf(address)} ${protocol} ${port}`
}

function put<T extends Holding>(shelves: Map<string, Shelf<T>>, key: string, one: T): void {
  const shelf = shelves.get(key)
  if (shelf === undefined) shelves.set(key, createShelf(one))
  else addTo(shelf, one)
}
