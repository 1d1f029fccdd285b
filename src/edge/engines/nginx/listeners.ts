import { canonicalAddress } from '../../../model/address.ts'
import type { Listener } from '../../../model/driver.ts'
import type { Socket } from '../../sockets.ts'
import { distinctSockets } from '../common/by-socket.ts'

const FILE = /^# configuration file (?<path>.*):$/gm

/** Reads what files listen on, except ours, from all of them as `nginx -T` says them. */
export function readListeners(dump: string, ours: string): readonly Listener[] {
  const heads = [...dump.matchAll(FILE)]
  return heads.flatMap(({ index, groups, 0: head }, place) => {
    const path = groups?.['path'] ?? ''
    const text = dump.slice(index + head.length + 1, heads[place + 1]?.index)
    return path === ours ? [] : readFileListeners(path, text)
  })
}

/** Sockets that a file of ours binds, each once. */
export function readBound(text: string): readonly Socket[] {
  const sockets = readFileListeners('', text).flatMap(({ protocol, address, firstPort }) =>
    protocol === undefined ? [] : { protocol, address, port: firstPort },
  )
  return distinctSockets(sockets)
}

const LISTEN = /(?<=^|[;{}])\s*listen\s+(?<socket>[^\s;{}]+)(?<rest>[^;{}]*);/gm

function readFileListeners(path: string, text: string): readonly Listener[] {
  const plain = text.replaceAll(/(?<=^|\s)#.*$/gm, '')
  let [line, seen] = [1, 0]
  return [...plain.matchAll(LISTEN)].flatMap(({ index, 0: found, groups }) => {
    const place = index + found.indexOf('listen')
    line += plain.slice(seen, place).split('\n').length - 1
    seen = place
    return listenerOf(groups?.['socket'] ?? '', (groups?.['rest'] ?? '').trim().split(/\s+/), `${path}:${line}`)
  })
}

const SOCKET = /^(?:(?<address>\[[^\]]+\]|[^:[\]]+):)?(?<first>\d+)(?:-(?<last>\d+))?$/

/** Where `http` is asked to listen on an address, the port is 80. Names are left out: whoever binds finds what they stand for. */
function listenerOf(socket: string, words: readonly string[], holder: string): readonly Listener[] {
  const {
    address = '*',
    first = '',
    last = first,
  } = SOCKET.exec(socket)?.groups ?? SOCKET.exec(`${socket}:80`)?.groups ?? {}
  const bound = addressOf(address, words)
  if (first === '' || bound === undefined) return []
  const protocol = words.includes('udp') || words.includes('quic') ? 'UDP' : 'TCP'
  return [{ protocol, address: bound, firstPort: Number(first), lastPort: Number(last), holder }]
}

/** `*` is all of IPv4; `[::]` is all of IPv6 only, unless it is said that it is both. */
function addressOf(text: string, words: readonly string[]): string | undefined {
  const plain = text.replace(/^\[(.*)\]$/, '$1')
  if (plain === '*') return '0.0.0.0'
  return plain === '::' && words.includes('ipv6only=off') ? '*' : canonicalAddress(plain)
}
