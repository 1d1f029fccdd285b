import { canonicalAddress } from '../model/address.ts'
import { LABEL } from '../model/names.ts'
import type { Frontend, Owner } from '../model/table.ts'

const PREFIX = 'fairway'
const UID = /^[A-Za-z0-9-]{1,64}$/

/** What a server's key says: whose it is, and for which frontend. */
export interface ServerName extends Pick<Frontend, 'address' | 'port' | 'protocol'> {
  readonly cluster: string
  readonly className: string
}

/**
 * The key of a frontend's server: `fairway.prod.public.tcp.203.0.113.10.443`. Labels hold no dots and an IPv6 address is written with `_` for
 * `:`, so that it can be read in one way only, needs no quoting in a URL, and is found by whoever looks for the address.
 */
export function serverKey(
  owner: Pick<Owner, 'cluster' | 'className'>,
  frontend: Pick<Frontend, 'address' | 'port' | 'protocol'>,
): string {
  const { address, port, protocol } = frontend
  const host = address.replaceAll(':', '_')
  return [PREFIX, owner.cluster, owner.className, protocol.toLowerCase(), host, port].join('.')
}

/** The `@id` of a server: its key and the cluster's UID, which tells a copied configuration from the original. */
export function serverId(owner: Owner, key: string): string {
  return `${key}.${owner.uid}`
}

/** Reads a server's key; undefined for anything that `serverKey` does not write, down to the last character. */
export function parseServerKey(key: string): ServerName | undefined {
  const [prefix, cluster = '', className = '', protocolText, ...rest] = key.split('.')
  const protocol = protocolText === 'tcp' ? 'TCP' : protocolText === 'udp' ? 'UDP' : undefined
  const portText = rest.pop() ?? ''
  const address = canonicalAddress(rest.join('.').replaceAll('_', ':'))
  if (prefix !== PREFIX || !LABEL.test(cluster) || !LABEL.test(className)) return undefined
  if (protocol === undefined || address === undefined || !/^\d{1,5}$/.test(portText)) return undefined
  const name = { cluster, className, protocol, address, port: Number(portText) } as const
  return isPort(name.port) && serverKey(name, name) === key ? name : undefined
}

/** Whether a name belongs to an owner: cluster and class compared whole, so that `prod` is never `prod-a`. */
export function isNameOf(owner: Owner, name: ServerName): boolean {
  return name.cluster === owner.cluster && name.className === owner.className
}

/** Reads an `@id` as `serverId` writes it. */
export function parseServerId(
  id: unknown,
): { readonly key: string; readonly name: ServerName; readonly uid: string } | undefined {
  if (typeof id !== 'string') return undefined
  const dot = id.lastIndexOf('.')
  const key = id.slice(0, Math.max(dot, 0))
  const uid = id.slice(dot + 1)
  const name = parseServerKey(key)
  return name !== undefined && UID.test(uid) ? { key, name, uid } : undefined
}

/** Throws on an owner that could not be told apart by its marks: the configuration has checked it long before. */
export function checkOwner(owner: Owner): void {
  const valid = LABEL.test(owner.cluster) && LABEL.test(owner.className) && UID.test(owner.uid)
  if (!valid) throw new TypeError(`not an owner: ${owner.cluster}/${owner.className} with UID "${owner.uid}"`)
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535
}
