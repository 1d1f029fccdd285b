import { type ApiParts, createApi } from '../../../src/edge/api.ts'
import { identify } from '../../../src/edge/identify.ts'
import { createInfo } from '../../../src/edge/info.ts'
import type { Table } from '../../../src/model/table.ts'
import { silentLog } from '../../support/operator-world.ts'
import { UID } from './builders.ts'
import { type EdgeWorld, startWorld, type WorldWishes } from './edge-world.ts'

/** Token → what it is good for. */
export const TOKENS: Readonly<Record<string, string>> = {
  'a-public': 'prod-a/public',
  'a-all': 'prod-a/*',
  'b-public': 'prod-b/public',
}

export interface Answered {
  readonly status: number
  readonly etag: string | null
  readonly headers: Headers
  readonly text: string
  // oxlint-disable-next-line typescript/no-explicit-any -- what tests look into is as free as JSON
  readonly json: any
}

export interface Sent {
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** In place of `body`. */
  readonly raw?: string | Uint8Array<ArrayBuffer>
}

export interface ApiWorld extends EdgeWorld {
  /** `send('GET /v1/info')` */
  readonly send: (request: string, sent?: Sent) => Promise<Answered>
  /** PUT of a table as the owner of a token. */
  readonly putTable: (
    token: string,
    path: string,
    table: Table,
    headers: Readonly<Record<string, string>>,
  ) => Promise<Answered>
}

export const FIRST = { 'if-none-match': '*' }

/** `ifMatch(7)` */
export function ifMatch(generation: number): Readonly<Record<string, string>> {
  return { 'if-match': `"${generation}"` }
}

/** The API on a world in memory. */
export async function startApi(wishes: WorldWishes & { readonly parts?: Partial<ApiParts> } = {}): Promise<ApiWorld> {
  const world = await startWorld(wishes)
  const tokens = { find: (token: string) => Promise.resolve(TOKENS[token]) }
  const app = createApi({
    ...createInfo({
      engine: world.memory.engine,
      machine: world.machine,
      version: '0.1.0',
      sockets: () => world.referee.served?.sockets ?? [],
      origins: () => world.referee.served?.origins ?? new Map(),
      addresses: () => ['203.0.113.0/24'],
    }),
    referee: world.referee,
    identify: (authorization) => identify(authorization, undefined, tokens),
    bodyBytes: 200_000,
    classes: 3,
    requestMs: 5_000,
    onRequest: () => {},
    log: silentLog,
    ...wishes.parts,
  })
  const send = async (request: string, { token = 'a-public', headers = {}, body, raw }: Sent = {}) => {
    const [method = '', path = ''] = request.split(' ')
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body))
    const response = await app.request(path, {
      method,
      headers: {
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        ...(content === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(content === undefined ? {} : { body: content }),
    })
    const text = await response.clone().text()
    const { status } = response
    return { status, etag: response.headers.get('etag'), headers: response.headers, text, json: parse(text) }
  }
  return {
    ...world,
    send,
    putTable: (token, path, table, headers) =>
      send(`PUT ${path}`, { token, headers, body: { uid: UID, epoch: 1, table } }),
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
