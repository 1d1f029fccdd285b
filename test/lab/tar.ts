/** A writer of small tar archives (ustar): all that an image archive needs. */

export interface TarEntry {
  readonly path: string
  readonly kind: 'file' | 'directory'
  readonly mode: number
  readonly content?: Uint8Array
}

const blockSize = 512

/** The archive with these entries, owned by root, without times: the same entries give the same bytes. */
export function packTar(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const content = entry.content ?? new Uint8Array()
    return [
      header(entry, content.length),
      content,
      Buffer.alloc((blockSize - (content.length % blockSize)) % blockSize),
    ]
  })
  return Buffer.concat([...parts, Buffer.alloc(2 * blockSize)])
}

function header(entry: TarEntry, size: number): Buffer {
  if (Buffer.byteLength(entry.path) > 99) throw new Error(`path too long for a tar header: ${entry.path}`)
  const block = Buffer.alloc(blockSize)
  const octal = (value: number, offset: number, width: number) =>
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, offset, 'latin1')
  block.write(entry.path, 0, 'utf8')
  octal(entry.mode, 100, 8)
  octal(0, 108, 8) // owner
  octal(0, 116, 8) // group
  octal(size, 124, 12)
  octal(0, 136, 12) // time
  block.write(entry.kind === 'directory' ? '5' : '0', 156, 'latin1')
  block.write('ustar\x0000', 257, 'latin1')
  // The checksum counts its own field as blanks.
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}
