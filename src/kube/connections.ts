import type { KubeConfig } from '@kubernetes/client-node'
import { type Dispatcher, Pool, ProxyAgent } from 'undici'
import { type Credentials, readCredentials, withFreshAuthenticators } from './credentials.ts'

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
    const credentials = await readCredentials(this.#kubeConfig)
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
  }

  /** Ends every connection, with what is under way on it. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#open].map((dispatcher) => dispatcher.destroy()))
    this.#open.clear()
    this.#current = undefined
  }

  /** Requests under way on an old pool end by themselves: watches within their few minutes. */
  async #retire(dispatcher: Dispatcher): Promise<void> {
    await dispatcher.close().catch(() => undefined)
    this.#open.delete(dispatcher)
  }
}

function createDispatcher({ origin, proxyUrl, tls }: Credentials): Dispatcher {
  // Deadlines are the client's: a watch may rightly be silent for longer than any timeout here.
  const common = { headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: KEEP_ALIVE_MS, connections: MAX_CONNECTIONS }
  const connect = { ...tls, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, timeout: CONNECT_TIMEOUT_MS }
  if (proxyUrl) return new ProxyAgent({ ...common, uri: proxyUrl, requestTls: connect })
  return new Pool(origin, { ...common, connect })
}
