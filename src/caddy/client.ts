import pRetry from 'p-retry'
import { request } from 'undici'
import { createAgents } from '../http/agents.ts'
import type { Endpoint, TlsFiles } from '../http/endpoint.ts'
import { codeOf, DROPPED, requestError } from '../http/failures.ts'
import { FairwayError } from '../model/problems.ts'
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

/** Whether an error says that nobody listens there. */
export function isAway(error: unknown): boolean {
  return ['ECONNREFUSED', 'ENOENT'].includes(codeOf(error))
}

interface Request {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  readonly etag?: string | undefined
  readonly body?: string
}

const RETRY = {
  retries: 3,
  minTimeout: 50,
  maxTimeout: 500,
  randomize: true,
  shouldRetry: ({ error }: { readonly error: Error }) => DROPPED.has(codeOf(error)),
}

/**
 * A client on `undici.request`: the global fetch sends `Sec-Fetch-Mode`, to which Caddy since 2.11 answers 403. Every request has a socket of its
 * own, because each effective write replaces the admin listener and resets the sockets that were kept.
 */
export function createAdminClient(options: AdminAccess): AdminClient {
  const base = options.url.replace(/\/+$/, '')
  const agents = createAgents(options)

  async function send({ method, path, etag, body }: Request, signal: AbortSignal): Promise<Answer> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)])
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

  async function settle(work: () => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof FairwayError) throw error
      throw requestError(options, CADDY, options.timeoutMs, error)
    }
  }

  return {
    get: (path, signal) =>
      settle(() => pRetry(() => send({ method: 'GET', path }, signal), { ...RETRY, signal }), signal),
    write: (method, path, etag, body, signal) => settle(() => send({ method, path, etag, body }, signal), signal),
    close: () => agents.close(),
  }
}
