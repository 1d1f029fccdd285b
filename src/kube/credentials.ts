import { createHash } from 'node:crypto'
import type { RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'
import { errorText, FairwayError } from '../model/problems.ts'
import { credentialsBroken } from './errors.ts'

export interface KubeConfigOptions {
  /** A file. Otherwise $KUBECONFIG, ~/.kube/config, or the pod's ServiceAccount, in that order. */
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
}

/** Finds the cluster as kubectl does. What is wrong is thrown as `ConfigInvalid`. */
export function loadKubeConfig(options: KubeConfigOptions = {}): KubeConfig {
  const config = new KubeConfig()
  try {
    if (options.kubeconfig === undefined) config.loadFromDefault()
    else config.loadFromFile(options.kubeconfig)
  } catch (error) {
    throw configInvalid(
      `The kubeconfig cannot be read: ${errorText(error)}`,
      'Name a readable file with --kubeconfig or KUBECONFIG',
      error,
    )
  }
  if (options.context !== undefined) {
    const names = config.getContexts().map((context) => context.name)
    if (!names.includes(options.context)) {
      throw configInvalid(
        `The kubeconfig has no context "${options.context}"`,
        `Choose one of: ${names.join(', ') || 'none'}`,
      )
    }
    config.setCurrentContext(options.context)
  }
  const cluster = config.getCurrentCluster()
  // client-node falls back to this address, where nothing of ours ever listens.
  if (!cluster || (cluster.name === 'cluster' && cluster.server === 'http://localhost:8080')) {
    throw configInvalid(
      'No Kubernetes cluster is configured',
      'Run in a pod with a ServiceAccount, or name a kubeconfig with --kubeconfig or KUBECONFIG',
    )
  }
  return config
}

function configInvalid(message: string, remedy: string, cause?: unknown): FairwayError {
  return new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy }, cause)
}

/** A copy whose authenticators have cached nothing yet: token files are read anew, exec plugins run again. */
export function withFreshAuthenticators(config: KubeConfig): KubeConfig {
  const copy = new KubeConfig()
  copy.loadFromOptions({
    clusters: config.getClusters(),
    users: config.getUsers(),
    contexts: config.getContexts(),
    currentContext: config.getCurrentContext(),
  })
  return copy
}

export interface TlsOptions {
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly passphrase?: string
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
}

/** What one request needs: where to, over which TLS, with which headers. */
export interface Credentials {
  readonly origin: string
  /** Of clusters behind a gateway, whose server URL has a path. */
  readonly pathPrefix: string
  readonly proxyUrl: string | undefined
  readonly tls: TlsOptions
  readonly headers: Readonly<Record<string, string>>
  /** Equal as long as a connection made before may be used: covers everything but the headers. */
  readonly fingerprint: string
}

/**
 * Asks the KubeConfig for the credentials of this moment. It rereads CA and certificate files each time, the ServiceAccount's token
 * every minute, and runs an exec plugin when its credential expires (client-node: applyToHTTPSOptions).
 */
export async function readCredentials(config: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = {}
  try {
    await config.applyToHTTPSOptions(options)
  } catch (error) {
    throw credentialsBroken(error)
  }
  const cluster = config.getCurrentCluster()
  const server = new URL(cluster?.server ?? 'https://kubernetes.default.svc')
  const tls = pickTls(options)
  const proxyUrl = cluster?.proxyUrl
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([server.href, proxyUrl, Object.entries(tls).map(([name, value]) => [name, String(value)])]))
    .digest('hex')
  return {
    origin: server.origin,
    pathPrefix: server.pathname.replace(/\/$/, ''),
    proxyUrl,
    tls,
    headers: pickHeaders(options),
    fingerprint,
  }
}

function pickTls(options: RequestOptions): TlsOptions {
  const names = ['ca', 'cert', 'key', 'passphrase', 'servername', 'rejectUnauthorized'] as const
  return Object.fromEntries(
    names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  ) as TlsOptions
}

function pickHeaders(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {}
  // Values are trimmed: a token file may end in a line break, which no header can hold.
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = String(value).trim()
  if (typeof options.auth === 'string') headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`
  return headers
}
