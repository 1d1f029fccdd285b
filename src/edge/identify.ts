import type { TLSSocket } from 'node:tls'
import { readScope } from '../config/edge-tokens.ts'
import type { Scope } from './owners.ts'
import type { TokenBook } from './tokens.ts'
import { isStillTrusted } from './trust.ts'

/** What a client has shown beside its request. */
export interface Peer {
  /** `URI:…, DNS:…`, as Node gives it: names with commas, quotes or control characters are in quotes. */
  readonly subjectAltName: string
  readonly commonNames: readonly string[]
}

const SCHEME = 'fairway:'

/**
 * Who sends a request: the owner of its bearer token, or without one that of a client certificate. Undefined: nobody that is known, or a certificate that
 * names several.
 */
export async function identify(
  authorization: string | undefined,
  peer: Peer | undefined,
  tokens: TokenBook,
): Promise<Scope | undefined> {
  if (authorization === undefined) return peer === undefined ? undefined : scopeOf(peer)
  const [, token] = /^Bearer ([\x21-\x7e]{1,256})$/i.exec(authorization) ?? []
  return token === undefined ? undefined : tokens.find(token)
}

/** The one owner that a certificate names: `fairway:prod-a/public` as a URI among its names, or as its common name. */
function scopeOf({ subjectAltName, commonNames }: Peer): Scope | undefined {
  const plain = subjectAltName.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').split(', ')
  const uris = plain.flatMap((name) => (name.startsWith(`URI:${SCHEME}`) ? [name.slice('URI:'.length)] : []))
  const names = [...uris, ...commonNames].filter((name) => name.startsWith(SCHEME))
  const scopes = new Set(names.map((name) => readScope(name.slice(SCHEME.length))))
  const [scope] = scopes
  return scopes.size === 1 ? scope : undefined
}

/** The certificate of a client, if its authority is one that the edge trusts for that now: the content of `tls.clientCaFile`. */
export function peerOf(socket: TLSSocket, authorities: string | undefined): Peer | undefined {
  const shown = socket.authorized ? socket.getPeerX509Certificate() : undefined
  if (shown === undefined || authorities === undefined || !isStillTrusted(shown, authorities, new Date()))
    return undefined
  const { subject, subjectaltname = '' } = socket.getPeerCertificate()
  const names: unknown = subject.CN
  const commonNames = (Array.isArray(names) ? names : [names]).filter((name) => typeof name === 'string')
  return { subjectAltName: subjectaltname, commonNames }
}
