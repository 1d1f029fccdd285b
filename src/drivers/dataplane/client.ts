import { readFile } from 'node:fs/promises'
import pRetry from 'p-retry'
import { request } from 'undici'
import { createAgents } from '../../http/agents.ts'
import { codeOf, DROPPED, requestError } from '../../http/failures.ts'
import { errorText, FairwayError } from '../../model/problems.ts'
import { DATAPLANE } from './errors.ts'
import type { DataplaneOptions } from './options.ts'

export interface Answer {
  readonly status: number
  readonly body: string
  /** Of the reload that the request has caused. */
  readonly reloadId: string | undefined
}

export type WriteMethod = 'POST' | 'PUT' | 'DELETE'

/** HAProxy's Data Plane API. Answers of any status are values; what never became an answer is thrown as a FairwayError. */
export interface DataplaneClient {
  /** Tried again when the connection is dropped. */
  get(path: string, signal: AbortSignal): Promise<Answer>
  /** Sent once. */
  write(method: WriteMethod, path: string, body: object | undefined, signal: AbortSignal): Promise<Answer>
  close(): Promise<void>
}

/** What the driver asks for is below this path. */
export const SERVICES = '/v3/services/haproxy'

const RETRY = {
  retries: 3,
  minTimeout: 50,
  maxTimeout: 500,
  randomize: true,
  shouldRetry: ({ error }: { readonly error: Error }) => DROPPED.has(codeOf(error)),
}

interface Sent {
  readonly method: 'GET' | WriteMethod
  readonly path: string
  readonly body?: object | undefined
}

/** Makes a client. Paths are below `SERVICES`. */
export function createDataplaneClient(options: DataplaneOptions): DataplaneClient {
  const base = options.url.replace(/\/+$/, '') + SERVICES
  const agents = createAgents(options)

  async function send({ method, path, body }: Sent, signal: AbortSignal): Promise<Answer> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)])
    const headers = {
      'user-agent': options.userAgent ?? 'fairway',
      ...(await credentials(options)),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    const dispatcher = await agents.current()
    // The last moment at which a process that was stopped for a while can notice.
    if (method !== 'GET') options.fence?.()
    const sent = { method, headers, body: body === undefined ? null : JSON.stringify(body), dispatcher, signal: limit }
    const answer = await request(base + path, sent)
    const reloadId = answer.headers['reload-id']
    const id = typeof reloadId === 'string' && reloadId !== '' ? reloadId : undefined
    return { status: answer.statusCode, body: await answer.body.text(), reloadId: id }
  }

  async function settle(work: () => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      throw requestError(options, DATAPLANE, options.timeoutMs, error)
    }
  }

  return {
    get: (path, signal) =>
      settle(() => pRetry(() => send({ method: 'GET', path }, signal), { ...RETRY, signal }), signal),
    write: (method, path, body, signal) => settle(() => send({ method, path, body }, signal), signal),
    close: () => agents.close(),
  }
}

/** Read for every request: a password is rotated by changing its Secret. */
async function credentials({ proxy, userFile }: DataplaneOptions): Promise<Readonly<Record<string, string>>> {
  if (userFile === undefined) return {}
  try {
    const user = (await readFile(userFile, 'utf8')).trim()
    // RFC 7617: the first colon ends the name.
    if (/^[^\s:]+:.+$/.test(user)) return { authorization: `Basic ${Buffer.from(user).toString('base64')}` }
  } catch (error) {
    const message = `userFile of proxy ${proxy} cannot be read: ${errorText(error)}`
    const remedy = 'Correct the path, or mount the Secret that has the file'
    throw new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy }, error)
  }
  const message = `userFile of proxy ${proxy} does not hold NAME:PASSWORD: ${userFile}`
  const remedy = 'Write one line into it: the name and the password of a user of the API, with a colon between them'
  throw new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy })
}
