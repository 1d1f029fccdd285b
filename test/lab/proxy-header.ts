/** Reads the PROXY protocol's header, version 1 or 2, if a connection begins with one. */
import type { Socket } from 'node:net'

const v2Signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const v1Start = Buffer.from('PROXY ', 'latin1')

/** Gives the client's address and port that the header names, or undefined without one. What follows stays in the socket. */
export async function readProxyHeader(socket: Socket): Promise<string | undefined> {
  let seen: Buffer = Buffer.alloc(0)
  for (;;) {
    const chunk = await nextChunk(socket)
    if (!chunk) return undefined
    seen = Buffer.concat([seen, chunk])
    const parsed = parseProxyHeader(seen)
    if (parsed === 'incomplete') continue
    const rest = seen.subarray(parsed?.length ?? 0)
    if (rest.length > 0) socket.unshift(rest)
    return parsed?.client
  }
}

export interface ProxyHeader {
  /** Of the header, in bytes. */
  readonly length: number
  readonly client: string | undefined
}

/** Undefined: no header; "incomplete": it takes more bytes to tell. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | 'incomplete' | undefined {
  if (startsAlike(bytes, v1Start)) return parseV1(bytes)
  if (startsAlike(bytes, v2Signature)) return parseV2(bytes)
  return undefined
}

function startsAlike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length)
  return bytes.subarray(0, length).equals(start.subarray(0, length))
}

function parseV1(bytes: Buffer): ProxyHeader | 'incomplete' | undefined {
  const end = bytes.indexOf('\r\n')
  if (end < 0) return bytes.length > 107 ? undefined : 'incomplete'
  const [, family, source, , port] = bytes.toString('latin1', 0, end).split(' ')
  return { length: end + 2, client: family === 'UNKNOWN' ? undefined : join(source ?? '', Number(port)) }
}

function parseV2(bytes: Buffer): ProxyHeader | 'incomplete' {
  if (bytes.length < 16) return 'incomplete'
  const length = 16 + bytes.readUInt16BE(14)
  if (bytes.length < length) return 'incomplete'
  const isLocal = (bytes.readUInt8(12) & 0xf) === 0
  const family = bytes.readUInt8(13) >> 4
  if (isLocal || (family !== 1 && family !== 2)) return { length, client: undefined }
  const size = family === 1 ? 4 : 16
  const source = bytes.subarray(16, 16 + size)
  const port = bytes.readUInt16BE(16 + 2 * size)
  return { length, client: join(family === 1 ? source.join('.') : formatV6(source), port) }
}

function formatV6(source: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => source.readUInt16BE(2 * index).toString(16))
  // The parser of URLs knows the shortest form.
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1)
}

function join(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

async function nextChunk(socket: Socket): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const onReadable = () => {
      const chunk = socket.read() as Buffer | null
      if (chunk) settle(() => resolve(chunk))
    }
    const onEnd = () => settle(() => resolve(undefined))
    const onError = (error: Error) => settle(() => reject(error))
    const settle = (done: () => void) => {
      socket.off('readable', onReadable).off('end', onEnd).off('error', onError)
      done()
    }
    socket.on('readable', onReadable).on('end', onEnd).on('error', onError)
  })
}
