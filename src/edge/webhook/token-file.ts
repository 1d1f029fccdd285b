import { timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { errorText, FairwayError } from '../../model/problems.ts'
import { hashToken } from '../tokens.ts'

/** Says whether somebody knows a token. */
export interface TokenFile {
  /** Rereads the file each time: whoever changes it changes who is let in at once. Throws ConfigInvalid. */
  knows(token: string): Promise<boolean>
}

/** Opens a file with one token a line. Throws ConfigInvalid where there is none. */
export async function openTokenFile(path: string): Promise<TokenFile> {
  await readHashes(path)
  return {
    knows: async (token) => {
      const hash = hashOf(token)
      // All of them are compared, each in constant time: how long it takes tells nothing.
      return (await readHashes(path)).map((one) => timingSafeEqual(one, hash)).includes(true)
    },
  }
}

async function readHashes(path: string): Promise<readonly Buffer[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw invalid(`the token of calls cannot be read: ${errorText(error)}`, error)
  })
  const tokens = text.split('\n').flatMap((line) => line.trim() || [])
  if (tokens.length === 0) throw invalid(`${path} holds no token, so nobody could call`)
  return tokens.map(hashOf)
}

function hashOf(token: string): Buffer {
  return Buffer.from(hashToken(token), 'hex')
}

function invalid(message: string, cause?: unknown): FairwayError {
  const remedy = 'Put the token into the file that `webhook.tokenFile` in edge.yaml names'
  return new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy }, cause)
}
