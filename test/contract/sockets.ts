/** Sockets that a process of this machine holds (Linux). */
import { readdir, readFile, readlink } from 'node:fs/promises'
import { hostPort } from '../../src/model/address.ts'

const LISTENING = '0A'
const UNCONNECTED = '07'

/** What processes listen on: `tcp 127.0.0.1:80`, sorted, once for each socket. Several on one port show as several. */
export async function listeningSockets(...pids: readonly number[]): Promise<readonly string[]> {
  const inodes = new Set((await Promise.all(pids.map(socketInodes))).flat())
  const found = await Promise.all(
    (['tcp', 'tcp6', 'udp', 'udp6'] as const).map(async (table) => {
      const state = table.startsWith('tcp') ? LISTENING : UNCONNECTED
      const lines = (await readFile(`/proc/net/${table}`, 'utf8')).trim().split('\n').slice(1)
      return lines
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => fields[3] === state && inodes.has(fields[9] ?? ''))
        .map((fields) => `${table.slice(0, 3)} ${readEndpoint(fields[1] ?? '')}`)
    }),
  )
  return found.flat().toSorted()
}

async function socketInodes(pid: number): Promise<readonly string[]> {
  // One that has ended has none.
  const files = await readdir(`/proc/${pid}/fd`).catch(() => [])
  const links = await Promise.all(files.map((file) => readlink(`/proc/${pid}/fd/${file}`).catch(() => '')))
  return links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? [])
}

/** `0100007F:0050`: words of four bytes in the machine's order, which is little-endian wherever this runs. */
function readEndpoint(text: string): string {
  const [hex = '', port = ''] = text.split(':')
  const bytes = Buffer.from(hex, 'hex').swap32()
  const groups = Array.from({ length: bytes.length / 2 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16))
  const address = bytes.length === 4 ? bytes.join('.') : new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1)
  return hostPort(address, Number.parseInt(port, 16))
}
