/**
 * Runs in pods: says whom it sees. On its first port a connection's client is its peer; on the others each connection
 * must begin with a PROXY header, and the client is whom that names. `/stream?lines=N` sends a line every 50 ms.
 *
 * usage: seer-main.ts PLAIN-PORT PROXIED-PORT...
 */
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { readProxyHeader } from '../lab/proxy-header.ts'

/** What the tests read. */
export interface Sight {
  readonly node: string
  /** `203.0.113.9:40000` */
  readonly client: string
  readonly port: number
}

const node = process.env['NODE_NAME'] ?? ''
const seen = new WeakMap<Socket, Sight>()

const http = createHttpServer((request, response) => {
  const sight = seen.get(request.socket)
  const url = new URL(request.url ?? '/', 'http://seer')
  if (url.pathname !== '/stream') {
    response.end(JSON.stringify(sight))
    return
  }
  const lines = Number(url.searchParams.get('lines'))
  const send = async () => {
    for (let line = 1; line <= lines; line++) {
      response.write(`${line} ${node}\n`)
      await delay(50)
    }
    response.end()
  }
  send().catch(() => response.destroy())
})

async function accept(socket: Socket, port: number, proxied: boolean): Promise<void> {
  const peer = `${socket.remoteAddress?.replace('::ffff:', '')}:${socket.remotePort}`
  const client = proxied ? ((await readProxyHeader(socket)) ?? 'no PROXY header') : peer
  seen.set(socket, { node, client, port })
  http.emit('connection', socket)
}

for (const [index, text] of process.argv.slice(2).entries()) {
  const port = Number(text)
  const listener = createServer((socket) => {
    socket.on('error', () => {})
    accept(socket, port, index > 0).catch(() => socket.destroy())
  })
  listener.listen(port)
}
