import type { KubeConfig } from '@kubernetes/client-node'
import type { Dispatcher } from 'undici'
import { FairwayError } from '../model/problems.ts'
import { type Clock, type Deadline, startDeadline, systemClock, untilAborted } from './clock.ts'
import { Connections } from './connections.ts'
import { ApiError, answerError, describeRequest, type Status, unreachable } from './errors.ts'
import { parseLines } from './lines.ts'
import { fromWire } from './wire.ts'

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** From the root: `/api/v1/services`. Names in it are DNS labels, which need no escaping. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  /** Sent as JSON. */
  readonly body?: unknown
  /** Default `application/json`; a PATCH names its kind here. */
  readonly contentType?: string
  /** For the whole exchange, a stream included. */
  readonly timeoutMs?: number
}

export interface ApiResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Parsed JSON; undefined where the answer was empty. */
  readonly body: unknown
}

/** How the rest of this folder talks to the API server. Failures are FairwayErrors; an aborted signal throws its own reason. */
export interface KubeClient {
  /** One request with one JSON answer. Any status but 2xx is thrown as an ApiError. */
  request(request: ApiRequest, signal: AbortSignal): Promise<ApiResponse>
  /** Opens a stream of JSON lines; resolves once the server has accepted it. End it by aborting the signal. */
  stream(request: ApiRequest, signal: AbortSignal): Promise<AsyncGenerator<unknown, void>>
  close(): Promise<void>
}

export interface KubeClientOptions {
  readonly kubeConfig: KubeConfig
  /** Reads the configuration again after a 401; by default, the same one with nothing cached. */
  readonly reload?: (() => KubeConfig) | undefined
  readonly clock?: Clock | undefined
  readonly userAgent?: string | undefined
}

const DEFAULT_TIMEOUT_MS = 30_000
/** After a 401, credentials are renewed and the request is sent once more, but not more often than this: an exec plugin is a process. */
const RENEW_INTERVAL_MS = 10_000

/** Makes a client on one pool of connections. Authentication is asked of the KubeConfig for every request. */
export function createKubeClient(options: KubeClientOptions): KubeClient {
  const clock = options.clock ?? systemClock
  const connections = new Connections(options.kubeConfig, options.reload)
  const exchange: Exchange = {
    clock,
    connections,
    userAgent: options.userAgent ?? 'fairway',
    renewedAt: Number.NEGATIVE_INFINITY,
  }
  return {
    request: async (request, signal) => {
      const deadline = startDeadline(clock, request.timeoutMs ?? DEFAULT_TIMEOUT_MS, signal)
      try {
        const { statusCode, headers, body } = await send(exchange, request, deadline.signal)
        return { status: statusCode, headers, body: parseBody(await body.text()) }
      } catch (error) {
        throw translate(error, exchange, deadline, signal)
      } finally {
        deadline.release()
      }
    },
    stream: async (request, signal) => {
      const deadline = startDeadline(clock, request.timeoutMs ?? DEFAULT_TIMEOUT_MS, signal)
      try {
        const { body } = await send(exchange, request, deadline.signal)
        // An abort may destroy the body before anybody reads it; its error then belongs to nobody.
        body.on('error', () => undefined)
        return readStream(body, exchange, deadline, signal)
      } catch (error) {
        deadline.release()
        throw translate(error, exchange, deadline, signal)
      }
    },
    close: () => connections.close(),
  }
}

interface Exchange {
  readonly clock: Clock
  readonly connections: Connections
  readonly userAgent: string
  renewedAt: number
}

/** Sends, and once more with renewed credentials where the first answer was 401: a refused request had no effect. */
async function send(exchange: Exchange, request: ApiRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
  const startedAt = exchange.clock.now()
  try {
    return await sendOnce(exchange, request, signal)
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error
    const due = exchange.clock.now() - exchange.renewedAt >= RENEW_INTERVAL_MS
    // Another request may have renewed them since this one was sent.
    if (!due && exchange.renewedAt < startedAt) throw error
    if (due) {
      exchange.renewedAt = exchange.clock.now()
      exchange.connections.renew()
    }
    return sendOnce(exchange, request, signal)
  }
}

async function sendOnce(
  exchange: Exchange,
  request: ApiRequest,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const { dispatcher, credentials } = await untilAborted(exchange.connections.acquire(), signal)
  // A request that waits for a connection does not hear its signal.
  const sent = dispatcher.request({
    origin: credentials.origin,
    path: `${credentials.pathPrefix}${request.path}${queryText(request.query)}`,
    method: request.method,
    headers: {
      accept: 'application/json',
      'user-agent': exchange.userAgent,
      ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
      ...credentials.headers,
    },
    body: request.body === undefined ? null : JSON.stringify(request.body),
    signal,
  })
  const response = await untilAborted(sent, signal)
  if (response.statusCode >= 200 && response.statusCode < 300) return response
  const retryAfter = response.headers['retry-after']
  const status = readStatus(await response.body.text())
  const asked = describeRequest(request.method, request.path, request.query)
  throw answerError(asked, response.statusCode, status, typeof retryAfter === 'string' ? retryAfter : undefined)
}

async function* readStream(
  body: AsyncIterable<Uint8Array>,
  exchange: Exchange,
  deadline: Deadline,
  signal: AbortSignal,
): AsyncGenerator<unknown, void> {
  try {
    yield* parseLines(body)
  } catch (error) {
    throw translate(error, exchange, deadline, signal)
  } finally {
    deadline.release()
  }
}

/** Our own errors pass, an abort from outside keeps its reason, and everything else means that there was no answer. */
function translate(error: unknown, exchange: Exchange, deadline: Deadline, signal: AbortSignal): unknown {
  if (error instanceof FairwayError) return error
  if (deadline.expired)
    return unreachable(exchange.connections.server, new Error('no answer in time', { cause: error }))
  if (signal.aborted) return signal.reason
  return unreachable(exchange.connections.server, error)
}

function queryText(query: ApiRequest['query'] = {}): string {
  const text = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) text.set(name, String(value))
  return text.size === 0 ? '' : `?${text.toString()}`
}

function parseBody(text: string): unknown {
  return text === '' ? undefined : JSON.parse(text)
}

/** A `Status`, or whatever a proxy on the way said instead. */
function readStatus(text: string): Status {
  try {
    const body = fromWire<Status | null>(JSON.parse(text))
    if (body !== null && typeof body === 'object') return body
  } catch {
    // Not JSON: a proxy's or a gateway's page.
  }
  return { message: text.trim().slice(0, 200) }
}
