import type { Readable } from 'node:stream'

/** Of thousands of frontends a program tells a hundred megabytes. More than twice that would fill our memory, and then no text could hold it. */
const MOST_BYTES = 256 * 1_048_576

/** Hands over all that a stream says, once it is over. One that says too much is destroyed with an error. */
export function collectText(stream: Readable, take: (text: string) => void): void {
  const chunks: Buffer[] = []
  let size = 0
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size <= MOST_BYTES) chunks.push(chunk)
    else stream.destroy(new Error(`its answer is larger than ${MOST_BYTES} bytes`))
  })
  stream.on('end', () => take(Buffer.concat(chunks).toString()))
}
