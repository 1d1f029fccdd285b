/** Between two parties that speak HTTPS: passes, delays, cuts, or answers in the other's place. It has the other's certificate. */
import { readFileSync } from 'node:fs'
import { type IncomingMessage, type ServerResponse } from 'node:http'
import { Agent, createServer, request } from 'node:https'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type Mode =
  | { readonly kind: 'pass' }
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** As if a cable were pulled: nothing passes and nothing is closed. */
  | { readonly kind: 'cut' }
  | { readonly kind: 'garbage' }
  | { readonly kind: 'status'; readonly status: number; readonly reason: string }

export interface Relay {
  readonly url: string
  /** Connections from before do not outlive a change. */
  set(mode: Mode): void
  close(): Promise<void>
}

export interface Relayed {
  readonly address: string
  readonly to: string
  readonly certFile: string
  readonly keyFile: string
  readonly caFile: string
}

const GARBAGE = Buffer.from('{"kind":"\u0000\ufffd[[[}{ 0x00 not what you wanted')

export async function startRelay({ address, to, certFile, keyFile, caFile }: Relayed): Promise<Relay> {
  const agent = new Agent({ keepAlive: true, ca: readFileSync(caFile) })
  const sockets = new Set<Socket>()
  let mode: Mode = { kind: 'pass' }
  const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile), ALPNProtocols: ['http/1.1'] }
  const server = createServer(tls, (incoming, answer) => {
    handle(mode, incoming, answer).catch(() => incoming.socket.destroy())
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
    if (mode.kind === 'cut') socket.pause()
  })
  server.on('tlsClientError', (_, socket) => socket.destroy())

  async function handle(now: Mode, incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    answer.on('error', () => {})
    switch (now.kind) {
      case 'cut':
        return
      case 'garbage':
        answer.writeHead(200, { 'content-type': 'application/json' }).end(GARBAGE)
        return
      case 'status':
        answerStatus(now, incoming, answer)
        return
      case 'slow':
        await sleep(now.delayMs)
        return forward(incoming, answer)
      case 'pass':
        return forward(incoming, answer)
    }
  }

  function forward(incoming: IncomingMessage, answer: ServerResponse): void {
    const { method, headers } = incoming
    const outgoing = request(new URL(incoming.url ?? '/', to), { method, headers, agent }, (found) => {
      answer.writeHead(found.statusCode ?? 502, found.headers)
      found.on('error', () => incoming.socket.destroy())
      // What was on its way when the cable was pulled does not arrive.
      found.on('data', (chunk: Buffer) => mode.kind === 'cut' || answer.write(chunk))
      found.on('end', () => mode.kind === 'cut' || answer.end())
    })
    outgoing.on('error', () => incoming.socket.destroy())
    answer.on('close', () => outgoing.destroy())
    incoming.pipe(outgoing)
  }

  await new Promise<void>((done, reject) => server.once('error', reject).listen(0, address, done))
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('the relay has no port')
  return {
    url: `https://${address}:${bound.port}`,
    set: (next) => {
      mode = next
      for (const socket of sockets) {
        if (next.kind === 'cut') socket.pause()
        else socket.destroy()
      }
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      agent.destroy()
      return new Promise((done) => void server.close(() => done()))
    },
  }
}

/** As the API server says it (k8s.io/apimachinery, meta/v1 Status). A watch hears of 410 in its stream. */
function answerStatus(
  { status, reason }: { readonly status: number; readonly reason: string },
  incoming: IncomingMessage,
  answer: ServerResponse,
): void {
  const body = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status, reason, message: 'chaos' }
  const type = { 'content-type': 'application/json' }
  if (status === 410 && incoming.url?.includes('watch=')) {
    answer.writeHead(200, type).end(`${JSON.stringify({ type: 'ERROR', object: body })}\n`)
    return
  }
  answer.writeHead(status, status === 429 ? { ...type, 'retry-after': '1' } : type).end(JSON.stringify(body))
}
