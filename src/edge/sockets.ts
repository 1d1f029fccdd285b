import { familyOf, hostPort } from '../model/address.ts'
import { hostsOverlap } from '../model/hosts.ts'
import type { Protocol } from '../model/table.ts'

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
  const bySocket = new Map<string, T[]>()
  const byPort = new Map<string, T[]>()
  const nearBy = ({ protocol, address, port }: Socket): readonly T[] => {
    const family = familyOf(address)
    if (isWildcard(address)) return byPort.get(`${family} ${protocol} ${port}`) ?? []
    return [address, WILDCARDS[family]].flatMap(
      (one) => bySocket.get(socketText({ protocol, address: one, port })) ?? [],
    )
  }
  return {
    findRival: (holding) => {
      const near = nearBy(holding.socket)
      return near.find(({ holder }) => holder !== holding.holder) ?? near.find((one) => collide(one, holding))
    },
    add: (holding) => {
      const { protocol, address, port } = holding.socket
      appendTo(bySocket, socketText(holding.socket), holding)
      appendTo(byPort, `${familyOf(address)} ${protocol} ${port}`, holding)
    },
  }
}

function appendTo<T>(lists: Map<string, T[]>, key: string, entry: T): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [entry])
  else list.push(entry)
}

/** Of one holder: a wildcard and one of its addresses cannot be one socket that hosts are told apart on. */
function collide(a: Holding, b: Holding): boolean {
  return a.socket.address !== b.socket.address || hostsOverlap(a.hosts, b.hosts)
}
