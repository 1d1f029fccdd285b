import { createServer, type Server } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import { getRequestListener } from '@hono/node-server'
import { type WebhookConfig, webhookStyle } from '../../config/edge-webhook.ts'
import type { Log } from '../log.ts'
import { CALLS } from '../owners.ts'
import type { Referee } from '../referee.ts'
import { closeServer, createApiServer, LIMITS, listen, MOST_CONNECTIONS } from '../servers.ts'
import { readTls, type TlsFiles, watchTls } from '../tls-files.ts'
import { type Book, type BookParts, openBook } from './book.ts'
import type { CallRules } from './call.ts'
import { answerHook, HOOK_PATH } from './hooks.ts'
import { openTokenFile } from './token-file.ts'

export interface WebhookParts {
  readonly config: WebhookConfig
  /** The certificate that clusters see. */
  readonly tls: TlsFiles
  readonly requestMs: number
  /** See CallRules. */
  readonly isForbidden: (address: string) => boolean
  readonly onRequest: (method: string, status: number, seconds: number) => void
  readonly log: Log
}

/** Who calls as the clients of poor-mans-k8s-lb do, as an owner `webhook/NAME` beside clusters. */
export interface Webhook {
  /** Takes calls from now on. The referee must have started: what is on the disk is what was asked for. */
  begin(referee: Pick<Referee, 'submit' | 'look'>): Promise<void>
  /** The answer to a request that came to where clusters are heard; undefined: it is none of ours. */
  answer(request: Request): Promise<Response> | undefined
  stop(): Promise<void>
}

/** Old clients have nothing newer, and are shown nothing but what has come of their calls. */
const OLDEST_TLS = 'TLSv1.2'
const LOOK_EVERY_MS = 5_000
const CERTIFICATE_EVERY_MS = 10_000

/** Listens for calls, and has them come again until they can be taken. Throws ConfigInvalid. */
export async function openWebhook(parts: WebhookParts): Promise<Webhook> {
  const { config, log, onRequest, isForbidden } = parts
  const rules = { ports: config.ports, targets: config.targets, isForbidden }
  const tokens = await openTokenFile(config.tokenFile)
  const ending = new AbortController()
  let book: Book | undefined
  let timer: NodeJS.Timeout | undefined
  const answer = (request: Request) => answerHook({ book, tokens, rules, onRequest, log }, request)
  const server = config.listen && (await openServer(parts, answer, ending.signal))
  if (config.listen !== undefined && server !== undefined) await listen(server, config.listen, 'webhook.listen')
  return {
    begin: async (referee) => {
      const begun = openBook(bookParts(parts, rules, referee))
      await begun.look()
      book = begun
      timer = setInterval(() => void begun.look(), LOOK_EVERY_MS)
    },
    answer: (request) => (isOurs(request, config) ? answer(request) : undefined),
    stop: async () => {
      clearInterval(timer)
      ending.abort()
      if (server !== undefined) await closeServer(server)
    },
  }
}

/** A clock that nobody sets: what time it is may be learned long after the start, and must not make everything expire. */
const now = () => performance.now()

function bookParts(
  { config, requestMs, log }: WebhookParts,
  rules: CallRules,
  referee: Pick<Referee, 'submit' | 'look'>,
): BookParts {
  const owner = { cluster: CALLS, className: config.name }
  const expireMs = config.expire === 'off' ? undefined : config.expire
  const style = webhookStyle(config.settings)
  return { owner, addresses: config.addresses, style, rules, expireMs, referee, requestMs, now, log }
}

function isOurs(request: Request, config: WebhookConfig): boolean {
  return config.listen === undefined && new URL(request.url).pathname === HOOK_PATH
}

async function openServer(
  { config, tls, log }: WebhookParts,
  answer: (request: Request) => Promise<Response>,
  signal: AbortSignal,
): Promise<Server | TlsServer> {
  if (config.tls === 'off') {
    const handle = getRequestListener(answer)
    const plain = createServer(LIMITS, (request, response) => void handle(request, response))
    plain.maxConnections = MOST_CONNECTIONS
    return plain
  }
  // Whoever has a certificate of a client gains nothing by it here.
  const files = { ...(config.tls ?? tls), clientCaFile: undefined, oldest: OLDEST_TLS } as const
  const content = await readTls(files)
  const server = createApiServer(answer, content)
  watchTls(files, content, server, CERTIFICATE_EVERY_MS, log, signal)
  return server
}
