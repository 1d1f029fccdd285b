import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { TLSSocket } from 'node:tls'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { Registry } from 'prom-client'
import { errorText, FairwayError } from '../model/problems.ts'
import { type Peer, peerOf } from './identify.ts'
import type { Referee } from './referee.ts'
import { refuse } from './refusal.ts'
import { optionsOf, type TlsContent } from './tls-files.ts'

/** Where a server listens. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

export type Fetch = (request: Request, bindings: object) => Response | Promise<Response>

/** Slow clients are cut off, and idle ones outlast the pause between two looks of an operator. */
export const LIMITS = {
  handshakeTimeout: 10_000,
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 75_000,
  maxHeaderSize: 16_384,
}
export const MOST_CONNECTIONS = 512

export const STARTING = refuse('Busy', 'the edge is starting', 'Try again')

/** The API's server. Its connections are told apart by who is at the other end: see peerOfBindings. */
export function createApiServer(fetch: Fetch, tls: TlsContent): TlsServer {
  const asks = tls.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: false }
  const handle = getRequestListener(fetch)
  const server = createTlsServer({ ...optionsOf(tls), ...asks, ...LIMITS }, (request, response) => {
    void handle(request, response)
  })
  server.maxConnections = MOST_CONNECTIONS
  // Scanners and half-open connections: nothing of ours is wrong.
  server.on('tlsClientError', () => {})
  return server
}

/** The certificate behind a request, from what @hono/node-server tells about its connection. `authorities` are those of clients, as PEM. */
export function peerOfBindings(bindings: unknown, authorities: string | undefined): Peer | undefined {
  if (typeof bindings !== 'object' || bindings === null || !('incoming' in bindings)) return undefined
  const { incoming } = bindings
  if (typeof incoming !== 'object' || incoming === null || !('socket' in incoming)) return undefined
  return incoming.socket instanceof TLSSocket ? peerOf(incoming.socket, authorities) : undefined
}

/** `/healthz`: the process runs. `/readyz`: the program serves what the tables say; 503 with why not, until the first pass too. `/metrics`: for Prometheus. */
export function createStatusServer(registry: Registry, referee: Pick<Referee, 'served' | 'trouble'>): Server {
  const app = new Hono()
  app.get('/healthz', (context) => context.text('ok'))
  app.get('/readyz', (context) => {
    const trouble = referee.trouble ?? (referee.served === undefined ? STARTING : undefined)
    return trouble === undefined ? context.json({ ready: true }) : context.json({ ready: false, trouble }, 503)
  })
  app.get('/metrics', async (context) =>
    context.body(await registry.metrics(), 200, { 'content-type': registry.contentType }),
  )
  const handle = getRequestListener(app.fetch)
  return createServer(LIMITS, (request, response) => void handle(request, response))
}

/** Resolves with the port once a server listens. Throws ConfigInvalid when it cannot. */
export function listen(server: Server | TlsServer, { host, port }: Endpoint, key: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const message = `cannot listen on ${host} port ${port}: ${errorText(error)}`
      const remedy = `Correct \`${key}\` in edge.yaml, or stop what listens there`
      reject(new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy }, error))
    })
    server.listen({ host, port }, () => resolve(portOf(server.address())))
  })
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Answers that are on their way may arrive; connections that only wait end at once. */
const LAST_ANSWERS_MS = 2_000

/** Resolves when a server is closed, with all its connections. One that has never listened is closed. */
export function closeServer(server: Server | TlsServer): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}
