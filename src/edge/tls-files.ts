import { constants, createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:https'
import { createSecureContext } from 'node:tls'
import { errorText, FairwayError } from '../model/problems.ts'
import type { Log } from './log.ts'

export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
  /** The authority of client certificates; undefined: there are none. */
  readonly clientCaFile: string | undefined
  /** Default: nothing before TLS 1.3 is spoken. */
  readonly oldest?: 'TLSv1.2'
}

/** What a server needs to know who it is, and whom it asks. */
export interface TlsContent {
  readonly cert: string
  readonly key: string
  readonly ca: string | undefined
  readonly oldest?: 'TLSv1.2'
}

/** Reads the files and checks that they belong together. Throws ConfigInvalid. */
export async function readTls({ certFile, keyFile, clientCaFile, ...rest }: TlsFiles): Promise<TlsContent> {
  try {
    const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')])
    const ca = clientCaFile === undefined ? undefined : await readFile(clientCaFile, 'utf8')
    const content = { cert, key, ca, ...rest }
    // An empty file, as one that is being written, would make a server without a certificate.
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) throw new Error('the key is of another one')
    // And without an authority of its own, any in the world could sign for clients.
    if (ca !== undefined && !new X509Certificate(ca).ca) throw new Error(`${clientCaFile} is no authority`)
    createSecureContext(optionsOf(content))
    return content
  } catch (error) {
    const message = `the certificate of the API cannot be used (${certFile}, ${keyFile}): ${errorText(error)}`
    const remedy = 'Make one with "fairway edge init", or correct `tls` in edge.yaml'
    throw new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy }, error)
  }
}

/** For node:tls. Clients without a certificate are let in: they may have a token. */
export function optionsOf({ cert, key, ca, oldest }: TlsContent) {
  // A session that is resumed brings the client's certificate without those between it and the authority, by which it is judged again (trust.ts).
  const clients = ca === undefined ? {} : { ca, secureOptions: constants.SSL_OP_NO_TICKET }
  return { cert, key, ...clients, minVersion: oldest ?? ('TLSv1.3' as const) }
}

/** When a certificate ends, in seconds since 1970. */
export function expiryOf({ cert }: TlsContent): number {
  return Date.parse(new X509Certificate(cert).validTo) / 1000
}

/** Rereads the files now and then until the signal ends it. New connections get a new certificate; one that cannot be used is logged once. */
export function watchTls(
  files: TlsFiles,
  known: TlsContent,
  server: Server,
  everyMs: number,
  log: Log,
  signal: AbortSignal,
): { readonly current: () => TlsContent } {
  let current = known
  let complaint = ''
  const look = async () => {
    try {
      const next = await readTls(files)
      complaint = ''
      if (JSON.stringify(next) === JSON.stringify(current)) return
      server.setSecureContext(optionsOf(next))
      current = next
      log.info({ until: new Date(expiryOf(next) * 1000).toISOString() }, 'the certificate of the API is a new one')
    } catch (error) {
      if (errorText(error) !== complaint) log.error({}, `the old certificate stays: ${errorText(error)}`)
      complaint = errorText(error)
    }
  }
  const timer = setInterval(() => void look(), everyMs)
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
  return { current: () => current }
}
