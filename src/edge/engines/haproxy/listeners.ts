import { basename } from 'node:path'
import { canonicalAddress } from '../../../model/address.ts'
import type { Listener } from '../../../model/driver.ts'

const SECTION =
  /^\s*(?<head>(?:global|defaults|frontend|listen|backend|peers|log-forward|resolvers|program|userlist|ring|cache)\b\s*[\w.:-]*)/
const BIND = /^\s*(?<kind>bind|dgram-bind|stats\s+socket)\s+(?<sockets>\S+)/

/**
 * Reads what the administrator's files listen on. The running HAProxy tells addresses only where `option socket-stats` is set. What depends on the
 * environment, on conditions, names or file descriptors is left out: whoever binds finds it.
 */
export function readListeners(path: string, text: string): readonly Listener[] {
  let section = ''
  let conditions = 0
  return text.split('\n').flatMap((line): readonly Listener[] => {
    if (/^\s*\.if\b/.test(line)) conditions++
    if (/^\s*\.endif\b/.test(line)) conditions--
    section = SECTION.exec(line)?.groups?.['head']?.trim() ?? section
    const { kind = '', sockets = '' } = BIND.exec(line)?.groups ?? {}
    if (kind === '' || conditions > 0) return []
    const holder = `${section} in ${basename(path)}`
    return sockets.split(',').flatMap((socket) => listenerOf(socket, kind, holder))
  })
}

const SOCKET = /^(?:(?<family>ipv4|ipv6|quic4|quic6)@)?(?<address>\S*):(?<first>\d+)(?:-(?<last>\d+))?$/

function listenerOf(text: string, kind: string, holder: string): readonly Listener[] {
  const { family = '', address = '', first = '', last = first } = SOCKET.exec(text)?.groups ?? {}
  const bound = addressOf(address, family)
  if (first === '' || bound === undefined) return []
  const protocol = family.startsWith('quic') || kind === 'dgram-bind' ? 'UDP' : 'TCP'
  return [{ protocol, address: bound, firstPort: Number(first), lastPort: Number(last), holder }]
}

/** `*` and nothing are all of IPv4, unless the family is named; `::` is all of both. */
function addressOf(text: string, family: string): string | undefined {
  const plain = text.replace(/^\[(.*)\]$/, '$1')
  if (plain === '' || plain === '*') return family.endsWith('6') ? '::' : '0.0.0.0'
  return plain === '::' ? '*' : canonicalAddress(plain)
}
