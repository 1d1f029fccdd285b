import { familyOf, hostPort } from './address.ts'
import type { Frontend } from './table.ts'

/** Published address → the address that the proxy binds for it, or `*` for the wildcard of its family. Default: itself. */
export type ListenMap = Readonly<Record<string, string>>

/** What a proxy binds. */
export interface Socket {
  readonly protocol: Frontend['protocol']
  readonly address: string
  readonly port: number
}

/** The address that a proxy binds for a published one: itself, its NAT counterpart, or the wildcard of its family. */
export function boundAddress(listen: ListenMap, published: string): string {
  const bound = Object.hasOwn(listen, published) ? (listen[published] ?? published) : published
  if (bound !== '*') return bound
  return familyOf(published) === 'IPv4' ? '0.0.0.0' : '::'
}

/** The socket that serves a frontend. */
export function socketOf(listen: ListenMap, frontend: Pick<Frontend, 'address' | 'port' | 'protocol'>): Socket {
  const { protocol, port } = frontend
  return { protocol, port, address: boundAddress(listen, frontend.address) }
}

/** `tcp6/[2001:db8::1]:443`, as a network address of Caddy's is written. The family is named, or Go would take wildcards for both. */
export function listenText({ protocol, address, port }: Socket): string {
  const family = address.includes(':') ? '6' : '4'
  return `${protocol.toLowerCase()}${family}/${hostPort(address, port)}`
}
