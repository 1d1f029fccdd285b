/** A TCP relay on loopback that counts what passes: the wire between a driver and its proxy. */
import { createConnection, createServer, type Socket } from 'node:net'

export interface Wire {
  readonly port: number
  /** Bytes in both directions since it was asked before, TLS and all. */
  count(): number
  close(): Promise<void>
}

export async function startWire(port: number): Promise<Wire> {
  const sockets = new Set<Socket>()
  let bytes = 0
  const server = createServer((incoming) => {
    const outgoing = createConnection({ host: '127.0.0.1', port })
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(from)
      from.setNoDelay()
      from.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      from.on('error', () => to.destroy())
      from.on('close', () => sockets.delete(from))
      from.pipe(to)
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the wire has no port')
  return {
    port: address.port,
    count: () => {
      const counted = bytes
      bytes = 0
      return counted
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
    },
  }
}
