import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { parseTokens, type TokenEntry } from '../config/edge-tokens.ts'
import { errorText } from '../model/problems.ts'
import { isMissing } from './files.ts'
import type { Log } from './log.ts'
import type { Scope } from './owners.ts'
import { replaceFile } from './replace-file.ts'

const HEADER = `# Who may write which tables, written by "fairway edge token". Only hashes of the tokens are kept.
# The edge rereads this file when it changes.
`

/** `fairway_` and 256 random bits, so that secret scanners and people know it when they see it. */
export function makeToken(): string {
  return `fairway_${randomBytes(32).toString('base64url')}`
}

export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** What people call a token by. */
export function tokenId({ sha256 }: TokenEntry): string {
  return sha256.slice(0, 8)
}

/** The entries of a file; none when there is no file. Throws ConfigInvalid for one that cannot be read. */
export async function readTokens(path: string): Promise<readonly TokenEntry[]> {
  try {
    return parseTokens(await readFile(path, 'utf8'), path)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/** Writes the file anew, for the group of its folder to read. */
export async function writeTokens(path: string, entries: readonly TokenEntry[]): Promise<void> {
  const lines = entries.map(({ owner, sha256, created }) => {
    return `  - {owner: ${JSON.stringify(owner)}, created: ${JSON.stringify(created)}, sha256: ${JSON.stringify(sha256)}}\n`
  })
  const list = lines.length === 0 ? 'tokens: []\n' : `tokens:\n${lines.join('')}`
  await replaceFile(path, HEADER + list, 0o640)
}

export interface TokenBook {
  /** What a token is good for, undefined for one that is not known. */
  find(token: string): Promise<Scope | undefined>
}

/**
 * Looks tokens up in a file, and rereads it when it has changed: a new token works at once beside the old one, and a removed one no more. A file that
 * cannot be read leaves those in use that were there before.
 */
export function openTokens(path: string, log: Log): TokenBook {
  let entries: readonly (TokenEntry & { readonly hash: Buffer })[] = []
  let stamp = ''
  let reading = Promise.resolve()
  const reread = async () => {
    try {
      entries = (await readTokens(path)).map((entry) => ({ ...entry, hash: Buffer.from(entry.sha256, 'hex') }))
    } catch (error) {
      log.error({ path }, `tokens not used, the last good ones stay: ${errorText(error)}`)
    }
  }
  return {
    find: async (token) => {
      const now = await stampOf(path)
      if (now !== stamp) {
        stamp = now
        reading = reading.then(reread)
      }
      // Whoever comes while the file is read must not be judged by what it said before.
      await reading
      const hash = Buffer.from(hashToken(token), 'hex')
      // All of them are compared, each in constant time: how long it takes tells nothing.
      return entries.flatMap((entry) => (timingSafeEqual(entry.hash, hash) ? [entry.owner] : [])).at(0)
    },
  }
}

/** Changes whenever a file does. */
async function stampOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true })
    return `${ino} ${size} ${mtimeNs}`
  } catch (error) {
    return `none: ${errorText(error)}`
  }
}
