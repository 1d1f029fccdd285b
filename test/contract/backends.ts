/** Targets for traffic: they say who they are and whom they see, and read PROXY headers themselves. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import { parseProxyHeader, readProxyHeader } from '../lab/proxy-header.ts'
import type { Endpoint } from './harness.ts'

/** What clients ask. Long enough for a proxy to tell, in its first packet, that it is no TLS. */
export const QUESTION = 'who is there'

/** What a backend answers. */
export interface Greeting {
  readonly name: string
  /** As the PROXY header says; undefined without one. */
  readonly client: string | undefined
}

export interface Backend extends Endpoint {
  close(): Promise<void>
}

/** Answers the question with a greeting, and every other line with itself. With a certificate, in TLS to clients that speak it. */
export async function startTcpBackend(
  name: string,
  { address, port }: Endpoint,
  secureContext?: SecureContext,
): Promise<Backend> {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket)).on('error', () => {})
    void serve(name, socket, secureContext).catch(() => socket.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ host: address, port, exclusive: true }, resolve)
  })
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of open) socket.destroy()
    })
  return { address, port, close }
}

async function serve(name: string, socket: Socket, secureContext: SecureContext | undefined): Promise<void> {
  const client = await readProxyHeader(socket)
  const isTls = secureContext !== undefined && (await firstByte(socket)) === TLS_HANDSHAKE
  const stream = isTls ? new TLSSocket(socket, { isServer: true, secureContext }) : socket
  let pending = ''
  stream.on('error', () => socket.destroy())
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (pending + text).split('\n')
    pending = lines.pop() ?? ''
    for (const line of lines) stream.write(line === QUESTION ? `${JSON.stringify({ name, client })}\n` : `${line}\n`)
  })
}

/** The type of the record that a ClientHello comes in (RFC 8446 section 5.1). */
const TLS_HANDSHAKE = 22

/** Looks at the first byte and leaves it in the socket. */
async function firstByte(socket: Socket): Promise<number | undefined> {
  while (!socket.readableEnded && !socket.destroyed) {
    const chunk = socket.read() as Buffer | null
    if (chunk !== null) {
      socket.unshift(chunk)
      return chunk[0]
    }
    await once(socket, 'readable')
  }
  return undefined
}

export interface Counter {
  /** Connections so far. */
  count(): number
  close(): Promise<void>
}

/** Counts connections and says nothing. */
export async function startCounter({ address, port }: Endpoint): Promise<Counter> {
  let seen = 0
  const server = createServer((socket) => {
    seen++
    socket.on('error', () => {}).resume()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ host: address, port, exclusive: true }, resolve)
  })
  return { count: () => seen, close: () => new Promise((resolve) => void server.close(() => resolve())) }
}

/** Answers every datagram with a greeting. */
export async function startUdpBackend(name: string, { address, port }: Endpoint): Promise<Backend> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  socket.on('message', (message, from) => answerDatagram(socket, name, message, from))
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject).bind({ address, port, exclusive: true }, resolve)
  })
  return { address, port, close: () => new Promise((resolve) => void socket.close(() => resolve())) }
}

function answerDatagram(socket: UdpSocket, name: string, message: Buffer, from: Endpoint): void {
  const header = parseProxyHeader(message)
  const client = typeof header === 'object' ? header.client : undefined
  socket.send(JSON.stringify({ name, client }), from.port, from.address)
}
