import type { Socket } from '../model/listen.ts'

/** What an error at Start names: a socket that could not be bound. */
export interface BindError extends Socket {
  readonly reason: string
}

/** Reads `listen tcp4 203.0.113.99:80: bind: cannot assign requested address` out of Caddy's answer. */
export function parseBindError(text: string): BindError | undefined {
  const match =
    /listen (tcp|udp)[46] (?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5}): (?:bind|socket|setsockopt): ([a-z ]+)/.exec(text)
  const [, transport, v6, v4, port, reason] = match ?? []
  const address = v6 ?? v4
  if (address === undefined || reason === undefined) return undefined
  return { protocol: transport === 'udp' ? 'UDP' : 'TCP', address, port: Number(port), reason: reason.trim() }
}

/** Whether an error is about a socket: about all ports of an address that is not there, and about all low ports where one is forbidden. */
export function covers(error: BindError, socket: Socket): boolean {
  if (isAbout(error, 'family')) return socket.address.includes(':') === error.address.includes(':')
  if (error.address !== socket.address) return false
  if (isAbout(error, 'address')) return true
  if (isAbout(error, 'privilege')) return socket.port <= error.port
  return error.protocol === socket.protocol && error.port === socket.port
}

/** Whether an error says one of these of its socket, by the words of strerror(3). */
export function isAbout({ reason }: BindError, what: 'address' | 'family' | 'privilege' | 'use'): boolean {
  const words = { address: 'cannot assign', family: 'address family', privilege: 'permission denied', use: 'in use' }
  return reason.includes(words[what])
}
