import { type ServerType, serve } from '@hono/node-server'
import { Hono } from 'hono'

export interface HealthSource {
  /** Whether the operator can do its work; what keeps it from it, by name, otherwise. */
  ready(): { readonly ready: boolean; readonly troubles: Readonly<Record<string, string>> }
}

/** What `/metrics` gives, in Prometheus's text format. */
export interface MetricsPage {
  readonly contentType: string
  scrape(): Promise<string>
}

/**
 * `/healthz`: the process runs. `/readyz`: its view of the cluster is complete; 503 with what is missing until then. `/metrics`: for Prometheus; not there
 * without a page for it.
 */
export function healthApp(source: HealthSource, metrics?: MetricsPage): Hono {
  const app = new Hono()
  app.get('/healthz', (context) => context.text('ok'))
  app.get('/readyz', (context) => {
    const { ready, troubles } = source.ready()
    return context.json({ ready, troubles }, ready ? 200 : 503)
  })
  if (metrics !== undefined) {
    app.get('/metrics', async (context) =>
      context.body(await metrics.scrape(), 200, { 'content-type': metrics.contentType }),
    )
  }
  return app
}

/** Serves the app on a port of all addresses until the signal ends it. Rejects when the port cannot be bound. */
export function serveHealth(app: Hono, port: number, signal: AbortSignal): Promise<ServerType> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, port }, () => resolve(server))
    server.on('error', reject)
    signal.addEventListener('abort', () => server.close(), { once: true })
  })
}
