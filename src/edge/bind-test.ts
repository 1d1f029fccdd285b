import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import type { Socket } from './sockets.ts'

/**
 * Binds a socket as any program would, without SO_REUSEPORT, and lets go of it again. Resolves with undefined where that worked, with the error code
 * otherwise: EADDRINUSE, EADDRNOTAVAIL, EACCES … The kernel answers at once: there is nothing to wait for.
 */
export async function testBind(socket: Socket): Promise<string | undefined> {
  try {
    await (socket.protocol === 'TCP' ? bindTcp(socket) : bindUdp(socket))
    return undefined
  } catch (error) {
    return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN'
  }
}

function bindTcp({ address, port }: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer((connection) => connection.destroy())
    server.once('error', reject)
    // libuv refuses the flag with an IPv4 address.
    const family = address.includes(':') ? { ipv6Only: true } : {}
    server.listen({ host: address, port, exclusive: true, ...family }, () => server.close(() => resolve()))
  })
}

function bindUdp({ address, port }: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const type = address.includes(':') ? 'udp6' : 'udp4'
    const socket = createSocket({ type, ipv6Only: type === 'udp6' })
    socket.once('error', (error) => {
      socket.close()
      reject(error)
    })
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve()))
  })
}
