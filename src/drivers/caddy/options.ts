import { familyOf } from '../../model/address.ts'
import type { Frontend, Owner } from '../../model/table.ts'
import type { DriverLog, TlsFiles } from '../http/endpoint.ts'

export interface CaddyOptions {
  /** The proxy's name in our configuration, for messages. */
  readonly proxy: string
  /** Of the admin API: `admin.listen` behind a tunnel or on loopback, or `admin.remote` with client certificates. */
  readonly url: string
  readonly tls: TlsFiles
  readonly owner: Owner
  /** Published address → the address that Caddy binds for it, or `*` for the wildcard of its family. Default: itself. */
  readonly listen: Readonly<Record<string, string>>
  /** Whether a pool or the listen map knows a published address: any other is refused before Caddy hears of it. */
  readonly declares: (publishedAddress: string) => boolean
  /**
   * Whether to dial a TCP address and port before it is bound for the first time. To be off where a connection says nothing about this proxy:
   * addresses that several proxies share, or a middlebox that accepts everything.
   */
  readonly probe: boolean
  /** For each request, and for all dials before a write together. */
  readonly timeoutMs: number
  readonly log: DriverLog
  /** Who writes, for Caddy's own log of requests. */
  readonly userAgent?: string | undefined
  /** Called right before each write; throws when this process may not write any more. */
  readonly fence?: (() => void) | undefined
}

/** The address that Caddy binds for a published one: itself, its NAT counterpart, or the wildcard of its family. */
export function boundAddress(listen: CaddyOptions['listen'], published: string): string {
  const bound = Object.hasOwn(listen, published) ? (listen[published] ?? published) : published
  if (bound !== '*') return bound
  return familyOf(published) === 'IPv4' ? '0.0.0.0' : '::'
}

/** A socket as Caddy's configuration names it. */
export interface Socket {
  readonly protocol: Frontend['protocol']
  readonly address: string
  readonly port: number
}

/** The socket that serves a frontend. */
export function socketOf(
  listen: CaddyOptions['listen'],
  frontend: Pick<Frontend, 'address' | 'port' | 'protocol'>,
): Socket {
  const { protocol, port } = frontend
  return { protocol, port, address: boundAddress(listen, frontend.address) }
}
