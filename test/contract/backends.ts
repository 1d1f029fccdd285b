/** Targets for traffic: they say who they are and whom they see, and read PROXY headers themselves. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer, type Socket } from 'node:net'
import { parseProxyHeader, readProxyHeader } from '../lab/proxy-header.ts'
import type { Endpoint } from './harness.ts'

/** What a backend answers. */
export interface Greeting {
  readonly name: string
  /** As the PROXY header says; undefined without one. */
  readonly client: string | undefined
}

export interface Backend extends Endpoint {
  close(): Promise<void>
}

/** Answers the line `who` with a greeting, and every other line with itself. */
export async function startTcpBackend(name: string, { address, port }: Endpoint): Promise<Backend> {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket)).on('error', () => {})
    void serve(name, socket).catch(() => socket.destroy())
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

async function serve(name: string, socket: Socket): Promise<void> {
  const client = await readProxyHeader(socket)
  let pending = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (pending + text).split('\n')
    pending = lines.pop() ?? ''
    for (const line of lines) socket.write(line === 'who' ? `${JSON.stringify({ name, client })}\n` : `${line}\n`)
  })
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
