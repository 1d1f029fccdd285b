import ipaddr from 'ipaddr.js'

export type Family = 'IPv4' | 'IPv6'

/** An inclusive range of addresses of one family; the bounds are the addresses as unsigned integers. */
export interface AddressRange {
  readonly family: Family
  readonly first: bigint
  readonly last: bigint
  /** As it was written, for messages. */
  readonly text: string
}

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const CANONICAL_IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`)

const BITS = { IPv4: 32n, IPv6: 128n } as const

/**
 * Reads one address and returns its canonical text (RFC 5952 for IPv6), or undefined for anything that is not exactly one
 * address: no zone, no prefix, no shorthand like `10.1`, no leading zeros, no IPv4-mapped IPv6 (it would be two names for one socket).
 */
export function canonicalAddress(text: string): string | undefined {
  // Nearly all that is ever asked: the addresses of every target of every frontend, at every reading of a proxy.
  if (CANONICAL_IPV4.test(text)) return text
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined
  const parsed = ipaddr.IPv6.parse(text)
  return parsed.isIPv4MappedAddress() ? undefined : parsed.toRFC5952String()
}

/** The family of a canonical address. */
export function familyOf(address: string): Family {
  return address.includes(':') ? 'IPv6' : 'IPv4'
}

/** `address:port`, with brackets around IPv6 (RFC 3986, section 3.2.2). */
export function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** A canonical address as an unsigned integer. */
export function addressNumber(address: string): bigint {
  if (!address.includes(':')) return BigInt(ipv4Number(address))
  return ipaddr
    .parse(address)
    .toByteArray()
    .reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}

function ipv4Number(address: string): number {
  let value = 0
  let octet = 0
  for (let at = 0; at < address.length; at++) {
    const code = address.charCodeAt(at)
    if (code === 46) [value, octet] = [value * 256 + octet, 0]
    else octet = octet * 10 + code - 48
  }
  return value * 256 + octet
}

/** The canonical address of an unsigned integer that `addressNumber` gave. */
export function numberAddress(family: Family, value: bigint): string {
  const length = Number(BITS[family] / 8n)
  const bytes = Array.from({ length }, (_, index) => Number((value >> BigInt(8 * (length - 1 - index))) & 0xffn))
  const parsed = ipaddr.fromByteArray(bytes)
  return parsed instanceof ipaddr.IPv6 ? parsed.toRFC5952String() : parsed.toString()
}

/**
 * Reads `first-last`, `address/prefix` or a single address. Returns undefined when it is none of these, when the ends differ
 * in family or order, and for a CIDR whose host bits are set (a typing error more often than a wish).
 */
export function parseRange(text: string): AddressRange | undefined {
  const slash = text.indexOf('/')
  if (slash >= 0) return parseCidr(text)
  const dash = text.indexOf('-')
  const first = canonicalAddress((dash < 0 ? text : text.slice(0, dash)).trim())
  const last = canonicalAddress((dash < 0 ? text : text.slice(dash + 1)).trim())
  if (first === undefined || last === undefined || familyOf(first) !== familyOf(last)) return undefined
  const range = { family: familyOf(first), first: addressNumber(first), last: addressNumber(last), text }
  return range.first <= range.last ? range : undefined
}

function parseCidr(text: string): AddressRange | undefined {
  const slash = text.indexOf('/')
  const address = canonicalAddress(text.slice(0, slash))
  const prefix = text.slice(slash + 1)
  if (address === undefined || !/^\d{1,3}$/.test(prefix)) return undefined
  const family = familyOf(address)
  const hostBits = BITS[family] - BigInt(prefix)
  if (hostBits < 0n) return undefined
  const first = addressNumber(address)
  const size = 1n << hostBits
  return first % size === 0n ? { family, first, last: first + size - 1n, text } : undefined
}

/** Whether a canonical address lies in a range. */
export function inRange(range: AddressRange, address: string): boolean {
  if (familyOf(address) !== range.family) return false
  const value = addressNumber(address)
  return range.first <= value && value <= range.last
}

/** Whether two ranges share an address. */
export function rangesOverlap(a: AddressRange, b: AddressRange): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last
}

/**
 * Whether packets may be sent to an address at all: loopback, link-local, multicast, unspecified and broadcast addresses reach the proxy
 * itself or nobody (RFC 6890). Node and endpoint addresses come from the cluster and are not trusted.
 */
export function isForwardable(address: string): boolean {
  const kind: string = ipaddr.parse(address).range()
  return !['loopback', 'linkLocal', 'multicast', 'unspecified', 'broadcast'].includes(kind)
}

/** A CIDR with its host bits cleared, in canonical text; undefined when the text is no CIDR. Kubernetes accepts set host bits here. */
export function canonicalCidr(text: string): string | undefined {
  const [host = '', prefix = '', ...rest] = text.trim().split('/')
  const address = canonicalAddress(host)
  if (address === undefined || rest.length > 0 || !/^\d{1,3}$/.test(prefix)) return undefined
  const family = familyOf(address)
  const hostBits = BITS[family] - BigInt(prefix)
  if (hostBits < 0n) return undefined
  const value = (addressNumber(address) >> hostBits) << hostBits
  return `${numberAddress(family, value)}/${Number(prefix)}`
}

/** Whether a number is a port that can be published or dialled. */
export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535
}
