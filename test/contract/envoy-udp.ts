/** Flows of UDP, and targets that tell which flow they see. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Endpoint } from './harness.ts'

const PATIENCE_MS = 1_000

/** Answers each datagram with its name, the port that it came from and its length. */
export async function startUdpEcho(name: string, { address, port }: Endpoint): Promise<{ close(): Promise<void> }> {
  const socket = createSocket('udp4')
  socket.on('message', (message, from) =>
    socket.send(`${name} ${from.port} ${message.length}`, from.port, from.address),
  )
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject).bind({ address, port, exclusive: true }, resolve)
  })
  return { close: () => new Promise((resolve) => void socket.close(() => resolve())) }
}

export interface Flow {
  /** Sends a datagram and waits for one. */
  ask(text: string): Promise<string>
}

/** A client with one port of its own. It ends with the process. */
export async function openUdp({ address, port }: Endpoint, localAddress: string): Promise<Flow> {
  const socket = createSocket('udp4').unref()
  socket.on('error', () => {}).bind({ address: localAddress })
  await once(socket, 'listening')
  return {
    ask: async (text) => {
      const answer = once(socket, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) })
      socket.send(text, port, address)
      const [message] = await answer.catch(() => {
        throw new Error('no answer')
      })
      return String(message)
    },
  }
}
