/** A TCP relay on loopback that can be cut: the network between one operator and the API server. */
import { createConnection, createServer, type Server, type Socket } from 'node:net'

export interface Relay {
  readonly port: number
  /** For HTTPS. */
  readonly url: string
  /** From now on nothing passes, in either direction, and nothing is closed: as if a cable were pulled. */
  cut(): void
  /** Closes all connections. New ones pass. */
  breakOff(): void
  /** From now on it leads elsewhere. Connections from before are closed. */
  lead(toPort: number): void
  close(): Promise<void>
}

export async function startRelay(host: string, port: number): Promise<Relay> {
  const sockets = new Set<Socket>()
  let cut = false
  let to = port
  const server = createServer((incoming) => {
    const outgoing = createConnection({ host, port: to })
    for (const socket of [incoming, outgoing]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => sockets.delete(socket))
    }
    if (cut) return
    incoming.pipe(outgoing)
    outgoing.pipe(incoming)
  })
  await listen(server)
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the relay has no port')
  const breakOff = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: address.port,
    url: `https://127.0.0.1:${address.port}`,
    breakOff,
    cut: () => {
      cut = true
      for (const socket of sockets) {
        socket.unpipe()
        socket.pause()
      }
    },
    lead: (toPort) => {
      to = toPort
      breakOff()
    },
    close: async () => {
      breakOff()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
    },
  }
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.on('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
}
