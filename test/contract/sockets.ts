/** Sockets of this machine: free ones for tests, and those that a process holds (Linux). */
import { createSocket } from 'node:dgram'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { hostPort } from '../../src/model/address.ts'

/** A port that is free for TCP and UDP on all the given addresses at this moment. */
export async function freePort(...addresses: readonly string[]): Promise<number> {
  const [first = '127.0.0.1'] = addresses
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = await tcpPort(first, 0)
    if (port === undefined) continue
    const rest = addresses.length === 0 ? [first] : addresses
    const taken = await Promise.all(
      rest.map(async (one) => (await tcpPort(one, port)) !== port || !(await udpFree(one, port))),
    )
    if (!taken.includes(true)) return port
  }
  throw new Error(`no free port on ${addresses.join(', ')}`)
}

async function tcpPort(host: string, port: number): Promise<number | undefined> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined))
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : undefined))
    })
  })
}

async function udpFree(address: string, port: number): Promise<boolean> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false))
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(true)))
  })
}

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
