import { request } from 'undici'
import { createAgents } from '../../http/agents.ts'
import { createAsker } from '../../http/asker.ts'
import { readSecretFile } from '../../http/secret-files.ts'
import { FairwayError } from '../../model/problems.ts'
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

interface Sent {
  readonly method: 'GET' | WriteMethod
  readonly path: string
  readonly body?: object | undefined
}

/** Makes a client. Paths are below `SERVICES`. */
export function createDataplaneClient(options: DataplaneOptions): DataplaneClient {
  const base = options.url.replace(/\/+$/, '') + SERVICES
  const agents = createAgents(options)
  const asker = createAsker(options, DATAPLANE)

  async function send({ method, path, body }: Sent, limit: AbortSignal): Promise<Answer> {
    const user = await readUser(options)
    const basic = user === undefined ? '' : Buffer.from(user).toString('base64')
    const headers = {
      'user-agent': options.userAgent ?? 'fairway',
      ...(user === undefined ? {} : { authorization: `Basic ${basic}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    const dispatcher = await agents.current()
    // The last moment at which a process that was stopped for a while can notice.
    if (method !== 'GET') options.fence?.()
    const sent = { method, headers, body: body === undefined ? null : JSON.stringify(body), dispatcher, signal: limit }
    const answer = await request(base + path, sent)
    const reloadId = answer.headers['reload-id']
    const id = typeof reloadId === 'string' && reloadId !== '' ? reloadId : undefined
    const text = await answer.body.text()
    // A password has no form of its own: what the API says of a failure goes to logs and Events.
    const said = answer.statusCode < 300 || user === undefined ? text : hide(text, [basic, passwordOf(user)])
    return { status: answer.statusCode, body: said, reloadId: id }
  }

  return {
    get: (path, signal) => asker.again((limit) => send({ method: 'GET', path }, limit), signal),
    write: (method, path, body, signal) => asker.once((limit) => send({ method, path, body }, limit), signal),
    close: () => agents.close(),
  }
}

/** `NAME:PASSWORD`; undefined where a client certificate says who we are. */
async function readUser({ proxy, userFile }: DataplaneOptions): Promise<string | undefined> {
  if (userFile === undefined) return undefined
  const user = (await readSecretFile(proxy, 'userFile', userFile)).trim()
  if (/^[^\s:]+:.+$/.test(user)) return user
  const message = `userFile of proxy ${proxy} does not hold NAME:PASSWORD: ${userFile}`
  const remedy = 'Write one line into it: the name and the password of a user of the API, with a colon between them'
  throw new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy })
}

/** RFC 7617: the first colon ends the name. */
function passwordOf(user: string): string {
  return user.slice(user.indexOf(':') + 1)
}

function hide(text: string, secrets: readonly string[]): string {
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '…'), text)
}
