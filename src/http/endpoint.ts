/** What the drivers tell about their work; pino's loggers are such. */
export interface DriverLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** Paths of PEM files, read anew when they change: Secrets are rotated beneath a running process. */
export interface TlsFiles {
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
  readonly caFile?: string | undefined
}

/** Where a proxy's admin API is, and what a message needs to know about it. */
export interface Endpoint {
  /** The proxy's name in our configuration. */
  readonly proxy: string
  readonly url: string
  /** Of the unix socket that is behind the URL in place of its host and port. */
  readonly socketPath?: string | undefined
}

/** The URL as messages show it: without a password that somebody may have put there. */
export function shownUrl({ url, socketPath }: Endpoint): string {
  if (socketPath !== undefined) return `unix/${socketPath}`
  const { origin, pathname } = new URL(url)
  return pathname === '/' ? origin : origin + pathname
}

/** `proxy edge-1 at https://10.1.0.100:7443`, for messages. */
export function describeEndpoint(endpoint: Endpoint): string {
  return `proxy ${endpoint.proxy} at ${shownUrl(endpoint)}`
}
