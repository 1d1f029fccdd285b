import { readFile } from 'node:fs/promises'
import { errorText, FairwayError } from '../model/problems.ts'

const REMEDY = 'Correct the path, or mount the Secret that has the file'

/** Reads a file that a proxy's `key` names. For every request anew: what is in it is rotated by changing a Secret. Throws ConfigInvalid. */
export async function readSecretFile(proxy: string, key: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const message = `${key} of proxy ${proxy} cannot be read: ${errorText(error)}`
    throw new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy: REMEDY }, error)
  }
}

/** Reads a token. Throws ConfigInvalid for what no header can hold. */
export async function readTokenFile(proxy: string, path: string): Promise<string> {
  const token = (await readSecretFile(proxy, 'tokenFile', path)).trim()
  if (/^[\x21-\x7e]+$/.test(token)) return token
  const message = `tokenFile of proxy ${proxy} holds no token: ${path}`
  throw new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy: REMEDY })
}
