/** The ends of logs: what an error message should carry. */
import { open } from 'node:fs/promises'

/** The last lines of a text: enough to see why something failed. */
export function tail(text: string, lines = 40): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n')
}

export async function tailFile(path: string, lines = 20): Promise<string> {
  const file = await open(path).catch(() => undefined)
  if (!file) return ''
  try {
    const { size } = await file.stat()
    const length = Math.min(size, 16_384)
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length)
    return tail(buffer.toString('utf8'), lines)
  } finally {
    await file.close()
  }
}
