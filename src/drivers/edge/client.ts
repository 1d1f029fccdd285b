import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { request } from 'undici'
import { createAgents } from '../../http/agents.ts'
import { createAsker } from '../../http/asker.ts'
import { readTokenFile } from '../../http/secret-files.ts'
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
  const asker = createAsker(options, EDGE)

  async function send({ method, path, headers = {}, body }: Sent, limit: AbortSignal): Promise<Answer> {
    const text = body === undefined ? null : JSON.stringify(body)
    const packed = text !== null && text.length >= GZIP_FROM
    const { proxy, tokenFile } = options
    const token = tokenFile === undefined ? undefined : await readTokenFile(proxy, tokenFile)
    const all = {
      'user-agent': options.userAgent ?? 'fairway',
      'accept-encoding': 'gzip',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
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

  return {
    get: (path, signal) => asker.again((limit) => send({ method: 'GET', path }, limit), signal),
    write: (method, path, generation, body, signal) => {
      const headers = { 'if-match': `"${generation}"` }
      return asker.once((limit) => send({ method, path, headers, body }, limit), signal)
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
