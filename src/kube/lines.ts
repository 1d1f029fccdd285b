const LINE_FEED = 0x0a

/**
 * Splits a byte stream into lines and parses each as JSON. Lines are cut as bytes, so a chunk may end anywhere, even within a character.
 * Bytes after the last line break mean that the stream was cut off, which is thrown.
 */
export async function* parseLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown, void> {
  let pending: Uint8Array[] = []
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      const line = join(pending, chunk.subarray(start, end))
      pending = []
      start = end + 1
      if (line.trim() !== '') yield JSON.parse(line)
    }
    if (start < chunk.length) pending.push(chunk.subarray(start))
  }
  if (pending.length > 0) throw new Error('the stream ended within a line')
}

function join(pending: readonly Uint8Array[], last: Uint8Array): string {
  const bytes =
    pending.length === 0
      ? Buffer.from(last.buffer, last.byteOffset, last.byteLength)
      : Buffer.concat([...pending, last])
  return bytes.toString('utf8')
}
