import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import pRetry from 'p-retry'
import { request } from 'undici'
import { createAgents } from '../../http/agents.ts'
import { codeOf, DROPPED, requestError } from '../../http/failures.ts'
import { errorText, FairwayError } from '../../model/problems.ts'
import { EDGE } from './errors.ts'
import type { EdgeOptions } from './options.ts'

export interface Answer {
  readonly status: number
  readonly body: string
}

/** The edge's API. Answers of any status are values; what never became an answer is thrown as a FairwayError. */
export interface EdgeClient {
  /** Tried again when the connection is dropped. */
  get(path: string, signal: AbortSignal): Promise<Answer>
  /** Sent once, for the table of that generation, 0: none yet. Whether a lost answer meant success is for the caller to find out. */
  write(
    method: WriteMethod,
    path: string,
    generation: number,
    body: object | undefined,
    signal: AbortSignal,
  ): Promise<Answer>
  close(): Promise<void>
}

export type WriteMethod = 'PUT' | 'PATCH' | 'DELETE'

const RETRY = {
  retries: 3,
  minTimeout: 50,
  maxTimeout: 500,
  randomize: true,
  shouldRetry: ({ error }: { readonly error: Error }) => DROPPED.has(codeOf(error)),
}
/** Shorter bodies gain nothing. */
const GZIP_FROM = 1_024
/** Ten times the largest table, as sent and as unpacked: what a broken edge sends must not fill our memory. */
const LARGEST_ANSWER = 64 * 1_048_576
const zip = promisify(gzip)
const unzip = promisify(gunzip)

interface Sent {
  readonly method: 'GET' | WriteMethod
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object | undefined
}

/** Makes a client. `largest` is the most bytes that an answer may have. */
export function createEdgeClient(options: EdgeOptions, largest = LARGEST_ANSWER): EdgeClient {
  const base = options.url.replace(/\/+$/, '')
  const agents = createAgents(options)

  async function send({ method, path, headers = {}, body }: Sent, signal: AbortSignal): Promise<Answer> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)])
    const text = body === undefined ? null : JSON.stringify(body)
    const packed = text !== null && text.length >= GZIP_FROM
    const all = {
      'user-agent': options.userAgent ?? 'fairway',
      'accept-encoding': 'gzip',
      ...(await credentials(options)),
      ...(text === null ? {} : { 'content-type': 'application/json' }),
      ...(packed ? { 'content-encoding': 'gzip' } : {}),
      ...headers,
    }
    const payload = packed ? await zip(text) : text
    const dispatcher = await agents.current()
    // The last moment at which a process that was stopped for a while can notice.
    if (method !== 'GET') options.fence?.()
    const answer = await request(base + path, { method, headers: all, body: payload, dispatcher, signal: limit })
    const bytes = await readAll(answer.body, largest)
    const unpacked = answer.headers['content-encoding'] === 'gzip'
    const plain = unpacked ? await unzip(bytes, { maxOutputLength: largest }) : bytes
    return { status: answer.statusCode, body: plain.toString() }
  }

  async function settle(work: () => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      throw requestError(options, EDGE, options.timeoutMs, error)
    }
  }

  return {
    get: (path, signal) =>
      settle(() => pRetry(() => send({ method: 'GET', path }, signal), { ...RETRY, signal }), signal),
    write: (method, path, generation, body, signal) => {
      const headers = { 'if-match': `"${generation}"` }
      return settle(() => send({ method, path, headers, body }, signal), signal)
    },
    close: () => agents.close(),
  }
}

async function readAll(body: AsyncIterable<Uint8Array>, largest: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.byteLength
    if (size > largest) throw new Error(`its answer is larger than ${largest} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Read for every request: a token is rotated by changing its Secret. */
async function credentials({ proxy, tokenFile }: EdgeOptions): Promise<Readonly<Record<string, string>>> {
  if (tokenFile === undefined) return {}
  const remedy = 'Correct the path, or mount the Secret that has the file'
  try {
    const token = (await readFile(tokenFile, 'utf8')).trim()
    if (/^[\x21-\x7e]+$/.test(token)) return { authorization: `Bearer ${token}` }
  } catch (error) {
    const message = `tokenFile of proxy ${proxy} cannot be read: ${errorText(error)}`
    throw new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy }, error)
  }
  const message = `tokenFile of proxy ${proxy} holds no token: ${tokenFile}`
  throw new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy })
}
