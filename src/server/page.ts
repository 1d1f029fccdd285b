import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { type ServerType, serve } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import type { Pulse, View } from '../model/view.ts'
import type { Access, Guard } from './page-access.ts'
import { etagOf, type PageFile } from './page-files.ts'

const compress = promisify(gzip)

export interface PageSource {
  /** Changes whenever `view` may say something else. */
  revision(): number
  /** Undefined: nothing is known yet. */
  view(): View | undefined
  pulse(): Omit<Pulse, 'version'>
}

/** Nothing from elsewhere, no script or style in the document, no frame around it; and no text can become markup (Trusted Types). */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  // Asked for each time, and answered by 304 where it is the same.
  'cache-control': 'private, no-cache',
}

/**
 * The status page: its files, `/pulse.json` and `/view.json`. Read-only. What is of the cluster is given to those that the guard lets through; the files
 * themselves are the same everywhere, so that a browser can load them and ask for a token. `now` is in milliseconds.
 */
export function createPageApp(
  source: PageSource,
  files: ReadonlyMap<string, PageFile>,
  guard: Guard,
  now: () => number = () => performance.now(),
): Hono {
  const app = new Hono()
  const current = createEdition(source, now)
  app.use(async (context, next) => {
    await next()
    for (const [name, value] of Object.entries(HEADERS)) context.res.headers.set(name, value)
    context.res.headers.append('vary', 'accept-encoding, authorization')
  })
  app.use(async (context, next) => {
    if (context.req.method === 'GET' || context.req.method === 'HEAD') return next()
    return context.json({ message: 'The page only reads' }, 405, { allow: 'GET, HEAD' })
  })
  app.use('/:name{.+\\.json}', async (context, next) => {
    const { req } = context
    const asked = { host: req.header('host'), authorization: req.header('authorization') }
    const access = await guard(asked, req.raw.signal)
    return access === 'allowed' ? next() : refuse(context, access)
  })
  app.get('/pulse.json', async (context) => {
    const edition = await current()
    const pulse: Pulse = { ...source.pulse(), version: edition?.etag }
    return context.json(pulse)
  })
  app.get('/view.json', async (context) => {
    const edition = await current()
    if (edition === undefined) return context.json({ message: 'Nothing is known yet' }, 503, { 'retry-after': '2' })
    return sendView(context, edition)
  })
  app.get('*', (context) => {
    const file = files.get(context.req.path)
    return file === undefined ? context.json({ message: 'There is no such page' }, 404) : sendFile(context, file)
  })
  return app
}

interface Edition {
  readonly etag: string
  readonly text: Uint8Array<ArrayBuffer>
  readonly packed: Uint8Array<ArrayBuffer>
}

/** A view of thousands of frontends takes a tenth of a second to make, and passes may come twice a second. */
const KEEP_MS = 1_000

/** Gives the view as it is sent. Made when somebody asks and something has changed, once for all who ask. `now` is in milliseconds. */
function createEdition(source: PageSource, now: () => number): () => Promise<Edition | undefined> {
  let made:
    | { readonly revision: number; readonly atMs: number; readonly edition: Promise<Edition | undefined> }
    | undefined
  return () => {
    const revision = source.revision()
    if (made !== undefined && (made.revision === revision || now() - made.atMs < KEEP_MS)) return made.edition
    const edition = makeEdition(source.view())
    made = { revision, atMs: now(), edition }
    return edition
  }
}

async function makeEdition(view: View | undefined): Promise<Edition | undefined> {
  if (view === undefined) return undefined
  const text = new TextEncoder().encode(JSON.stringify(view))
  return { etag: etagOf(text), text, packed: new Uint8Array(await compress(text)) }
}

function sendView(context: Context, { etag, text, packed }: Edition): Response {
  if (context.req.header('if-none-match')?.includes(etag)) return context.body(null, 304, { etag })
  const headers = { 'content-type': 'application/json', etag }
  const takesGzip = /\bgzip\b(?!;q=0)/.test(context.req.header('accept-encoding') ?? '')
  return takesGzip
    ? context.body(packed, 200, { ...headers, 'content-encoding': 'gzip' })
    : context.body(text, 200, headers)
}

function sendFile(context: Context, { body, type, etag }: PageFile): Response {
  if (context.req.header('if-none-match') === etag) return context.body(null, 304, { etag })
  return context.body(body, 200, { 'content-type': type, etag })
}

function refuse(context: Context, access: Exclude<Access, 'allowed'>): Response {
  switch (access) {
    case 'unknown':
      return context.json({ message: 'A bearer token of this cluster is needed' }, 401, {
        'www-authenticate': 'Bearer realm="fairway"',
      })
    case 'forbidden':
      return context.json({ message: 'The token may not get the non-resource URL /fairway' }, 403)
    case 'misdirected':
      return context.json({ message: 'Open the page as localhost or 127.0.0.1' }, 421)
    case 'unavailable':
      return context.json({ message: 'The API server could not be asked about the token' }, 503, { 'retry-after': '2' })
  }
  return access satisfies never
}

export interface PageAddress {
  readonly address: string
  readonly port: number
}

/** Serves the page until the signal ends it. Rejects when the address cannot be bound. */
export function servePage(app: Hono, { address, port }: PageAddress, signal: AbortSignal): Promise<ServerType> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: address, port }, () => resolve(server))
    server.on('error', reject)
    signal.addEventListener('abort', () => server.close(), { once: true })
  })
}
