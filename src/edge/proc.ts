import { readdir, readFile, readlink } from 'node:fs/promises'
import { endianness } from 'node:os'
import { basename } from 'node:path'
import { canonicalAddress, familyOf, numberAddress } from '../model/address.ts'
import type { Protocol } from '../model/table.ts'
import { isWildcard, type Socket, socketText, WILDCARDS } from './sockets.ts'

/** A socket of the machine that takes connections or datagrams, as /proc tells. */
export interface OpenSocket extends Socket {
  readonly uid: number
  readonly inode: string
}

/** Who has a socket open. */
export interface Program {
  readonly pid: number
  /** `nginx` */
  readonly name: string
}

const TABLES: readonly (readonly [file: string, protocol: Protocol])[] = [
  ['tcp', 'TCP'],
  ['tcp6', 'TCP'],
  ['udp', 'UDP'],
  ['udp6', 'UDP'],
]

/** TCP_LISTEN, and what an unconnected UDP socket shows (TCP_CLOSE): include/net/tcp_states.h of Linux. */
const STATES: Readonly<Record<Protocol, string>> = { TCP: '0A', UDP: '07' }

/** All sockets of this network namespace that others can reach or that keep a port taken. */
export async function readOpenSockets(proc = '/proc'): Promise<readonly OpenSocket[]> {
  const tables = await Promise.all(
    TABLES.map(async ([file, protocol]) => {
      const text = await readFile(`${proc}/net/${file}`, 'utf8').catch(() => '')
      return readTable(text, protocol)
    }),
  )
  return tables.flat()
}

/** Local address and port, state, user and inode. */
const LINE = /^ *\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) \S+ \S+ +\S+ +(\d+) +\d+ +(\d+) /

/**
 * The sockets in a text of /proc/net/{tcp,udp}{,6} (Documentation/networking/proc_net_tcp.rst of Linux): no headings, no connections. A proxy has thousands of
 * sockets on a few addresses, and many more connections: an address is made out once, and none of a connection.
 */
export function readTable(text: string, protocol: Protocol): readonly OpenSocket[] {
  const addresses = new Map<string, string>()
  const addressOf = (hex: string) => {
    const address = addresses.get(hex) ?? parseAddress(hex)
    if (address !== undefined) addresses.set(hex, address)
    return address
  }
  return text.split('\n').flatMap((line) => {
    const [, hex = '', portHex = '', state, uid, inode = ''] = LINE.exec(line) ?? []
    if (state !== STATES[protocol]) return []
    const [address, port] = [addressOf(hex), Number.parseInt(portHex, 16)]
    return address === undefined || port === 0 ? [] : [{ protocol, address, port, uid: Number(uid), inode }]
  })
}

/** An address as the kernel prints it: words of 32 bits, each in the machine's own byte order. */
function parseAddress(hex: string): string | undefined {
  const words = hex.match(/.{8}/g) ?? []
  const bytes = words.map((word) => (endianness() === 'LE' ? (word.match(/../g) ?? []).toReversed().join('') : word))
  const value = BigInt(`0x${bytes.join('')}`)
  if (words.length === 1) return numberAddress('IPv4', value)
  // An IPv6 socket that is bound to an IPv4 address.
  if (value >> 32n === 0xffffn) return numberAddress('IPv4', value & 0xffff_ffffn)
  return canonicalAddress(numberAddress('IPv6', value))
}

/**
 * Finds those that keep a socket from being bound, however many there are of either. `::` may take IPv4 connections too; whether it does, /proc does
 * not say.
 */
export function findInTheWay(open: readonly OpenSocket[]): (socket: Socket) => readonly OpenSocket[] {
  const exact = Map.groupBy(open, socketText)
  const byPort = Map.groupBy(open, portOf)
  return (socket) => {
    const { protocol, port } = socket
    if (isWildcard(socket.address)) {
      const family = familyOf(socket.address)
      const all = byPort.get(portOf(socket)) ?? []
      return all.filter(({ address }) => familyOf(address) === family || address === WILDCARDS.IPv6)
    }
    const addresses = new Set([socket.address, WILDCARDS[familyOf(socket.address)], WILDCARDS.IPv6])
    return [...addresses].flatMap((address) => exact.get(socketText({ protocol, port, address })) ?? [])
  }
}

function portOf({ protocol, port }: Socket): string {
  return `${protocol} ${port}`
}

/** Who has sockets open, by inode. Processes of other users are left out where this one may not look at them (CAP_SYS_PTRACE). */
export async function findPrograms(inodes: ReadonlySet<string>, proc = '/proc'): Promise<ReadonlyMap<string, Program>> {
  const found = new Map<string, Program>()
  const pids = (await readdir(proc)).filter((name) => /^\d+$/.test(name))
  for (const pid of pids) {
    if (found.size === inodes.size) break
    const links = await openInodes(`${proc}/${pid}/fd`)
    const hits = links.filter((inode) => inodes.has(inode) && !found.has(inode))
    if (hits.length === 0) continue
    const name = await nameOf(`${proc}/${pid}`)
    for (const inode of hits) found.set(inode, { pid: Number(pid), name })
  }
  return found
}

async function nameOf(folder: string): Promise<string> {
  const comm = (await readFile(`${folder}/comm`, 'utf8').catch(() => '')).trim()
  // All programs of Node are called that.
  if (comm !== 'MainThread' && comm !== '') return comm
  const [program = ''] = (await readFile(`${folder}/cmdline`, 'utf8').catch(() => '')).split('\0')
  return basename(program) || 'unknown'
}

async function openInodes(folder: string): Promise<readonly string[]> {
  const files = await readdir(folder).catch(() => [])
  const links = await Promise.all(files.map((file) => readlink(`${folder}/${file}`).catch(() => '')))
  return links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? [])
}
