import { type AddressRange, familyOf, parseRange, rangesOverlap } from '../model/address.ts'

/** ::ffff:0:0/96, as which HAProxy sees a client of IPv4 where it looks for one of IPv6. */
const MAPPED: AddressRange = { family: 'IPv6', first: 0xffff_0000_0000n, last: 0xffff_ffff_ffffn, text: '' }

/**
 * The source ranges that a socket at an address may be told of. HAProxy compares a client with ranges of the other family, too (its src/pattern.c,
 * pat_match_ip): all of IPv4 would be let in by `::/0`, and whoever comes from 2002:a00:1:: by 10.0.0.0/8. Undefined: everybody is served. Empty: nobody.
 */
export function sourcesAt(address: string, ranges: readonly string[]): readonly string[] | undefined {
  if (ranges.length === 0) return undefined
  const isIpv4 = familyOf(address) === 'IPv4'
  return ranges.filter((text) => (isIpv4 ? !holdsMapped(text) : familyOf(text) === 'IPv6'))
}

function holdsMapped(text: string): boolean {
  const range = parseRange(text)
  return range !== undefined && rangesOverlap(range, MAPPED)
}
