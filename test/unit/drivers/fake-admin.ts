import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { json as readJson } from 'node:stream/consumers'

type Apps = Record<string, unknown>

/** A stand-in for Caddy's admin API with its answers, for failures that a real one cannot be made to show. */
export interface FakeAdmin {
  readonly url: string
  /** Requests so far, as `GET /config/apps`. */
  readonly requests: string[]
  apps: Apps | null
  /** Takes over the next requests, until it is undefined again. `serve` answers as usual. */
  intercept: ((request: IncomingMessage, response: ServerResponse, serve: () => Promise<void>) => unknown) | undefined
  /** Carries out a write without answering it; false when it was for another revision. */
  store(request: IncomingMessage): Promise<boolean>
  close(): Promise<void>
}

export async function startFakeAdmin(apps: Apps | null = {}): Promise<FakeAdmin> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    const serve = () => answer(fake, request, response)
    void (fake.intercept === undefined ? serve() : fake.intercept(request, response, serve))
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const fake: FakeAdmin = {
    url: `http://127.0.0.1:${port}`,
    requests,
    apps,
    intercept: undefined,
    async store(request) {
      const body: unknown = await readJson(request)
      const matches = request.headers['if-match'] === etagOf(fake.apps)
      if (matches) fake.apps = { ...fake.apps, layer4: { servers: body } }
      return matches
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return fake
}

function etagOf(apps: Apps | null): string {
  return `"/config/apps ${createHash('sha256').update(JSON.stringify(apps)).digest('hex').slice(0, 16)}"`
}

async function answer(fake: FakeAdmin, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const found = request.url === '/config/' ? { apps: fake.apps } : fake.apps
  if (request.method === 'GET') response.setHeader('Etag', etagOf(fake.apps)).end(JSON.stringify(found))
  else if (await fake.store(request)) response.end()
  else reject(response, 412, 'If-Match header did not match current config hash')
}

/** Answers as Caddy does when it does not want something. */
export function reject(response: ServerResponse, status: number, error: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify({ error })}\n`)
}
