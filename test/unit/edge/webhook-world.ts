// Calls as the clients of poor-mans-k8s-lb make them, on an edge in memory.
import { type WebhookConfig, webhookStyle } from '../../../src/config/edge-webhook.ts'
import { type Book, openBook } from '../../../src/edge/webhook/book.ts'
import { answerHook, HOOK_PATH } from '../../../src/edge/webhook/hooks.ts'
import { hostPort } from '../../../src/model/address.ts'
import type { Frontend, Table } from '../../../src/model/table.ts'
import { rangeOf } from '../../support/builders.ts'
import { logInto } from '../../support/operator-world.ts'
import { type EdgeWorld, startWorld, type WorldWishes } from './edge-world.ts'

export const TOKEN = 'a-token-of-the-clients'
export const ADDRESS = '203.0.113.10'
export const RULES = {
  ports: [
    { first: 25, last: 25 },
    { first: 8080, last: 8090 },
  ],
  targets: [rangeOf('10.0.0.0/24'), rangeOf('127.0.0.1')],
  isForbidden: (address: string) => address === '127.0.0.1',
}

export interface CallWorld extends EdgeWorld {
  readonly book: Book
  /** Warnings and errors. */
  readonly logged: string[]
  /** Moves the clock of the book, and looks. */
  readonly wait: (ms: number) => Promise<void>
  /** `add 8080 10.0.0.11:30808` of the name `web`, and fields in place of those. */
  readonly call: (text: string, fields?: object, token?: string) => Promise<Answered>
  readonly send: (request: Request) => Promise<Answered>
  /** What the table of the calls says: `203.0.113.10:8080 -> web 10.0.0.11:30808`. */
  readonly opened: () => readonly string[]
  readonly frontends: () => readonly Frontend[]
}

export interface Answered {
  readonly status: number
  readonly text: string
}

export interface CallWishes extends WorldWishes {
  readonly addresses?: readonly string[]
  readonly expireMs?: number | undefined
  readonly settings?: WebhookConfig['settings']
}

export async function startCalls(wishes: CallWishes = {}): Promise<CallWorld> {
  const world = await startWorld(wishes)
  const { addresses = [ADDRESS], settings = {} } = wishes
  const logged: string[] = []
  const log = logInto(logged)
  let nowMs = Date.UTC(2026, 7, 1)
  const book = openBook({
    owner: { cluster: 'webhook', className: 'default' },
    addresses,
    style: webhookStyle(settings),
    rules: RULES,
    expireMs: 'expireMs' in wishes ? wishes.expireMs : 1_200_000,
    referee: world.referee,
    requestMs: 5_000,
    now: () => nowMs,
    log,
  })
  await book.look()
  const tokens = { knows: async (token: string) => token === TOKEN }
  const send = async (request: Request) => {
    const response = await answerHook({ book, tokens, rules: RULES, onRequest: () => {}, log }, request)
    return { status: response.status, text: (await response.text()).trimEnd() }
  }
  const stored = (): Table => world.referee.look('webhook/default')?.stored.table ?? { frontends: [], groups: [] }
  return {
    ...world,
    book,
    logged,
    send,
    wait: async (ms) => {
      nowMs += ms
      await book.look()
    },
    call: (text, fields = {}, token = TOKEN) => send(requestOf({ ...bodyOf(text), ...fields }, token)),
    opened: () => describe(stored()),
    frontends: () => stored().frontends,
  }
}

/** All of it texts, as a shell makes JSON. */
export function bodyOf(text: string): object {
  const [, action, port, address, backend] = /^(add|delete) (\d+) ([^ ]+):(\d+)$/.exec(text) ?? []
  return { 'dst-ip': address, 'frontend-port': port, 'backend-port': backend, action, name: 'web' }
}

export function requestOf(body: unknown, token?: string): Request {
  const headers = {
    'content-type': 'application/json',
    ...(token === undefined ? {} : { 'X-Funkypenguin-Token': token }),
  }
  return new Request(`http://vm:9000${HOOK_PATH}`, { method: 'POST', headers, body: JSON.stringify(body) })
}

function describe({ frontends, groups }: Table): readonly string[] {
  return frontends.map((one) => {
    const targets = groups.find(({ id }) => id === one.group)?.targets ?? []
    const leads = targets.map(({ name, address, port }) => `${name} ${hostPort(address, port ?? one.targetPort)}`)
    return `${hostPort(one.address, one.port)} -> ${leads.join(', ')}`
  })
}
