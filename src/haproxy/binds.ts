import { canonicalAddress } from '../model/address.ts'

/** What a `bind` line listens on. */
export interface BoundRange {
  /** Canonical, or a wildcard: `0.0.0.0`, `::`, or `*` for both families. */
  readonly address: string
  readonly firstPort: number
  readonly lastPort: number
  readonly protocol: 'TCP' | 'UDP'
}

const SOCKET =
  /^(?:(?<family>ipv4|ipv6|quic4|quic6|udp4?|udp6?|tcp4?|tcp6?)@)?(?<address>[^@]*):(?<first>\d+)(?:-(?<last>\d+))?$/

/**
 * Reads the word behind `bind`: sockets with commas between them, `:80,[::]:80,10.0.0.1:8000-8010` (configuration.txt, chapter 11). Undefined stands for
 * one that only HAProxy can read: unix sockets, file descriptors, host names, variables.
 */
export function readBinds(word: string, v6only: boolean): readonly (BoundRange | undefined)[] {
  return word.split(',').map((text) => {
    const { family = '', address = '', first = '', last = first } = SOCKET.exec(text)?.groups ?? {}
    const bound = readHost(address, family, v6only)
    if (first === '' || bound === undefined) return undefined
    const protocol = /^(?:quic|udp)/.test(family) ? 'UDP' : 'TCP'
    return { address: bound, firstPort: Number(first), lastPort: Number(last), protocol }
  })
}

/** `*` and nothing are all of IPv4, unless the family is named; `::` is all of both, unless `v6only` is said. */
function readHost(text: string, family: string, v6only: boolean): string | undefined {
  const plain = text.replace(/^\[(.*)\]$/, '$1')
  if (plain === '' || plain === '*') return family.endsWith('6') ? '::' : '0.0.0.0'
  if (plain === '::') return v6only ? '::' : '*'
  return canonicalAddress(plain)
}
