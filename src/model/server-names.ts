import { canonicalAddress, isPort } from './address.ts'
import { LABEL } from './names.ts'
import type { Frontend, Owner } from './table.ts'

const PREFIX = 'fairway'
/** Of a cluster. */
export const UID = /^[A-Za-z0-9-]{1,64}$/

/** What the name of a server, or of a section, says: whose it is, and for which socket. */
export interface ServerName extends Pick<Frontend, 'address' | 'port' | 'protocol'> {
  readonly cluster: string
  readonly className: string
}

/**
 * The name on a proxy of what listens for frontends, a server of Caddy's or a section of HAProxy's: `fairway.prod.public.tcp.203.0.113.10.443`. Labels hold no dots and an IPv6 address is written with `_` for
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

/** Throws on an owner that could not be told apart by its marks: the configuration has checked it long before. */
export function checkOwner(owner: Owner): void {
  const valid = LABEL.test(owner.cluster) && LABEL.test(owner.className) && UID.test(owner.uid)
  if (!valid) throw new TypeError(`not an owner: ${owner.cluster}/${owner.className} with UID "${owner.uid}"`)
}
