import { request } from 'undici'
import { createAgents } from '../http/agents.ts'
import { createAsker } from '../http/asker.ts'
import type { Endpoint, TlsFiles } from '../http/endpoint.ts'
import { CADDY } from './errors.ts'

/** Where the admin API is, and how it is asked. */
export interface AdminAccess extends Endpoint {
  readonly tls: TlsFiles
  /** For each request. */
  readonly timeoutMs: number
  /** Who writes, for Caddy's own log of requests. */
  readonly userAgent?: string | undefined
  /** Called right before each write; throws when this process may not write any more. */
  readonly fence?: (() => void) | undefined
}

export interface Answer {
  readonly status: number
  readonly body: string
  /** Quoted, as If-Match wants it. */
  readonly etag: string | undefined
}

/** Caddy's admin API. Answers of any status are values; what never became an answer is thrown as a FairwayError. */
export interface AdminClient {
  /** Tried again when the connection is dropped, which each write does to those that were open. */
  get(path: string, signal: AbortSignal): Promise<Answer>
  /** Sent once: whether a lost answer meant success is for the caller to find out. */
  write(
    method: 'POST' | 'PUT',
    path: string,
    etag: string | undefined,
    body: string,
    signal: AbortSignal,
  ): Promise<Answer>
  close(): Promise<void>
}

interface Request {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  readonly etag?: string | undefined
  readonly body?: string
}

/**
 * A client on `undici.request`: the global fetch sends `Sec-Fetch-Mode`, to which Caddy since 2.11 answers 403. Every request has a socket of its
 * own, because each effective write replaces the admin listener and resets the sockets that were kept.
 */
export function createAdminClient(options: AdminAccess): AdminClient {
  const base = options.url.replace(/\/+$/, '')
  const agents = createAgents(options)
  const asker = createAsker(options, CADDY)

  async function send({ method, path, etag, body }: Request, limit: AbortSignal): Promise<Answer> {
    const headers = {
      'user-agent': options.userAgent ?? 'fairway',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(etag === undefined ? {} : { 'if-match': etag }),
    }
    const dispatcher = await agents.current()
    // The last moment at which a process that was stopped for a while can notice.
    if (method !== 'GET') options.fence?.()
    const sent = { method, headers, body: body ?? null, dispatcher, reset: true, signal: limit }
    const answer = await request(base + path, sent)
    const header = answer.headers['etag']
    const tag = Array.isArray(header) ? header[0] : header
    return { status: answer.statusCode, body: await answer.body.text(), etag: tag }
  }

  return {
    get: (path, signal) => asker.again((limit) => send({ method: 'GET', path }, limit), signal),
    write: (method, path, etag, body, signal) =>
      asker.once((limit) => send({ method, path, etag, body }, limit), signal),
    close: () => agents.close(),
  }
}
