import { createHash } from 'node:crypto'
import * as z from 'zod'

const VERSION = 1
const headSchema = z.object({ version: z.int(), sha256: z.string() })

/** What the text of a file turns out to be. */
export type Unsealed =
  | { readonly kind: 'value'; readonly value: unknown }
  /** Not as it was written. */
  | { readonly kind: 'corrupt'; readonly why: string }
  /** Written by a newer version. */
  | { readonly kind: 'newer'; readonly version: number }

/**
 * The text of a file: a line that tells its version and the sum of what follows, and one line of JSON. Readers leave unread what they do not know under a
 * version that they know. So whatever must not be left unread raises the version, of the files that have it and of no others: then an older version
 * does not start with such a file, rather than serve something else.
 */
export function seal(value: unknown): string {
  const body = JSON.stringify(value)
  return `${JSON.stringify({ version: VERSION, sha256: sumOf(body) })}\n${body}\n`
}

/** Reads the text of a file that `seal` has made, all of it or nothing. */
export function unseal(text: string): Unsealed {
  const end = text.indexOf('\n')
  const head = headSchema.safeParse(parseJson(text.slice(0, Math.max(end, 0))))
  if (!head.success) return { kind: 'corrupt', why: 'its first line cannot be read' }
  const { version, sha256 } = head.data
  if (version > VERSION) return { kind: 'newer', version }
  const body = text.slice(end + 1, -1)
  if (!text.endsWith('\n') || sumOf(body) !== sha256)
    return { kind: 'corrupt', why: 'its content is not what was written' }
  return { kind: 'value', value: parseJson(body) }
}

function sumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
