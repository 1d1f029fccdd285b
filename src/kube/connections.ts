import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import type { KubeConfig } from '@kubernetes/client-node'
import { type Dispatcher, Pool, ProxyAgent } from 'undici'
import { type Credentials, readCredentials, withFreshAuthenticators } from './credentials.ts'
import { credentialsBroken } from './errors.ts'

export interface Connection {
  readonly dispatcher: Dispatcher
  readonly credentials: Credentials
}

/** client-go's keep-alive interval: below the idle timeouts of common load balancers, so that dead peers are noticed and live flows kept. */
const KEEP_ALIVE_MS = 30_000
const CONNECT_TIMEOUT_MS = 10_000
/** A guard against runaway callers; watches and writes in flight stay far below. */
const MAX_CONNECTIONS = 64

/** One pool of connections to the API server, replaced when CA, client certificate or address change. */
export class Connections {
  readonly #reload: () => KubeConfig
  #kubeConfig: KubeConfig
  #current: { readonly dispatcher: Dispatcher; readonly fingerprint: string } | undefined
  #reading: Promise<Credentials> | undefined
  readonly #open = new Set<Dispatcher>()

  constructor(kubeConfig: KubeConfig, reload: (() => KubeConfig) | undefined) {
    this.#kubeConfig = kubeConfig
    this.#reload = reload ?? (() => withFreshAuthenticators(this.#kubeConfig))
  }

  /** The API server's address, for messages. */
  get server(): string {
    return this.#kubeConfig.getCurrentCluster()?.server ?? 'unknown'
  }

  /** A pool and headers that are right at this moment. */
  async acquire(): Promise<Connection> {
    // Requests that start together share one run of an exec plugin.
    this.#reading ??= readCredentials(this.#kubeConfig).finally(() => {
      this.#reading = undefined
    })
    const credentials = await this.#reading
    if (this.#current?.fingerprint !== credentials.fingerprint) {
      const retired = this.#current?.dispatcher
      this.#current = { dispatcher: createDispatcher(credentials), fingerprint: credentials.fingerprint }
      this.#open.add(this.#current.dispatcher)
      if (retired) void this.#retire(retired)
    }
    return { dispatcher: this.#current.dispatcher, credentials }
  }

  /** Forgets cached credentials, after the API server refused them. */
  renew(): void {
    this.#kubeConfig = this.#reload()
    this.#reading = undefined
  }

  /** Ends every connection, with what is under way on it. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#open].map((dispatcher) => dispatcher.destroy()))
    this.#open.clear()
    this.#current = undefined
  }

  /** Requests under way on an old pool end by themselves: watches within their few minutes. */
  async #retire(dispatcher: Dispatcher): Promise<void> {
    // However it ends, nothing is under way on it any more.
    await Promise.allSettled([dispatcher.close()])
    this.#open.delete(dispatcher)
  }
}

function createDispatcher({ origin, proxyUrl, tls }: Credentials): Dispatcher {
  // Deadlines are the client's: a watch may rightly be silent for longer than any timeout here.
  // Not HTTP/2: after a 401 kube-apiserver lets no new request onto the connection (GOAWAY), and undici has them all wait then until the watches on it
  // have ended, minutes later.
  const allowH2 = false
  const common = {
    allowH2,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connections: MAX_CONNECTIONS,
  }
  const { servername, rejectUnauthorized, ...certificates } = tls
  const connect = {
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    // Made once: OpenSSL parses CA and certificates each time, and what it takes for that is given back late.
    secureContext: secureContextOf(certificates),
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    timeout: CONNECT_TIMEOUT_MS,
  }
  if (proxyUrl) return new ProxyAgent({ ...common, uri: proxyUrl, requestTls: connect })
  return new Pool(origin, { ...common, connect })
}

function secureContextOf(certificates: SecureContextOptions): SecureContext {
  try {
    return createSecureContext(certificates)
  } catch (error) {
    throw credentialsBroken(error)
  }
}
