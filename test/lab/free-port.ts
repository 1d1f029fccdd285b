/** Ports for programs that are started, stopped and started again. */
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'

/** Above the ports that services are known by. */
const LOWEST_PORT = 10_240

/**
 * A port that is free for TCP and UDP on all the given addresses at this moment. None of those that the kernel gives to outgoing connections: one of them would
 * take it as soon as the program on it is down for a moment.
 */
export async function freePort(...addresses: readonly string[]): Promise<number> {
  const first = Number((await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')).split(/\s/)[0])
  // Where the kernel gives nearly all of them, any has to do.
  const highest = first > LOWEST_PORT ? first : 65_536
  const all = addresses.length === 0 ? ['127.0.0.1'] : addresses
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = randomInt(LOWEST_PORT, highest)
    const free = await Promise.all(all.map(async (one) => (await tcpFree(one, port)) && (await udpFree(one, port))))
    if (!free.includes(false)) return port
  }
  throw new Error(`no free port on ${addresses.join(', ')}`)
}

async function tcpFree(host: string, port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

async function udpFree(address: string, port: number): Promise<boolean> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false))
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(true)))
  })
}
