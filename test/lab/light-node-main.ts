/**
 * Runs in a node's namespace in place of kube-proxy and pods: answers at the node port of every Service, on TCP as HTTP
 * with the node's name and the client's address, on UDP with what came in behind the node's name.
 *
 * usage: light-node-main.ts NAME SERVER CA-FILE   (the token in LAB_TOKEN)
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { type ApiClient, createApiClient } from './api-client.ts'
import { readProxyHeader } from './proxy-header.ts'
import { delay } from './wait.ts'

interface ServiceList {
  readonly items: readonly { readonly spec: { readonly ports?: readonly { nodePort?: number; protocol?: string }[] } }[]
}

const stop = new AbortController()
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => process.exit(0))
const [name = '', server = '', caFile = ''] = process.argv.slice(2)
const clients = new WeakMap<Socket, string>()

const http = createHttpServer((request, response) => {
  const seen = clients.get(request.socket) ?? ''
  if (request.url === '/hostname') response.end(name)
  else if (request.url === '/clientip') response.end(seen)
  else response.end(`${name} answers; the client is ${seen}\n`)
})

createHttpServer((_, response) => response.end('ok')).listen(10256)
await followServices(createApiClient({ server, caFile, token: process.env['LAB_TOKEN'] ?? '' }), stop.signal)

/** Asks again and again instead of watching: a stand-in must be plain, and the API server may be restarted under it. */
async function followServices(api: ApiClient, signal: AbortSignal): Promise<void> {
  const open = new Map<string, { close(): unknown }>()
  for (;;) {
    try {
      syncPorts(open, (await api.request('/api/v1/services', {}, signal)) as ServiceList)
    } catch (error) {
      console.error(`${new Date().toISOString()} ${error instanceof Error ? error.message : String(error)}`)
    }
    await delay(200, signal)
  }
}

function syncPorts(open: Map<string, { close(): unknown }>, services: ServiceList): void {
  const ports = services.items.flatMap((service) => service.spec.ports ?? [])
  const wanted = new Set(
    ports.filter((port) => port.nodePort).map((port) => `${port.nodePort}/${port.protocol ?? 'TCP'}`),
  )
  for (const [key, listener] of open) {
    if (wanted.has(key)) continue
    listener.close()
    open.delete(key)
  }
  for (const key of wanted) {
    if (open.has(key)) continue
    const [port, protocol] = key.split('/')
    if (protocol === 'TCP') open.set(key, listenTcp(Number(port)))
    if (protocol === 'UDP') open.set(key, listenUdp(Number(port)))
  }
}

function listenTcp(port: number): Server {
  const listener = createServer((socket) => {
    socket.on('error', () => {})
    accept(socket).catch(() => socket.destroy())
  })
  return listener.on('error', complain).listen(port)
}

async function accept(socket: Socket): Promise<void> {
  const header = await readProxyHeader(socket)
  clients.set(socket, header ?? `${socket.remoteAddress?.replace('::ffff:', '')}:${socket.remotePort}`)
  http.emit('connection', socket)
}

function listenUdp(port: number): UdpSocket {
  const socket = createSocket('udp6')
  socket.on('error', complain)
  socket.on('message', (message, from) =>
    socket.send(Buffer.concat([Buffer.from(`${name} `), message]), from.port, from.address),
  )
  return socket.bind(port)
}

function complain(error: Error): void {
  console.error(error.message)
}
