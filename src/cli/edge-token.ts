import { loadEdgeConfig } from '../config/edge-config.ts'
import { readScope } from '../config/edge-tokens.ts'
import { addToken } from '../edge/init.ts'
import { findReserved } from '../edge/owners.ts'
import { readTokens, tokenId, writeTokens } from '../edge/tokens.ts'
import { FairwayError } from '../model/problems.ts'

export interface TokenFlags {
  /** edge.yaml, which says where the tokens are. */
  readonly config: string
}

/** `fairway edge token add`: the new token, which nothing tells again. */
export async function addOwnersToken(owner: string, { config }: TokenFlags, now: Date): Promise<string> {
  checkOwner(owner)
  const reserved = findReserved(owner.split('/')[0] ?? '')
  if (reserved !== undefined) throw invalid(reserved.message, reserved.remedy)
  const { tokensFile } = await loadEdgeConfig(config)
  return addToken(tokensFile, owner, now)
}

/** `fairway edge token list`: one line a token. */
export async function listTokens({ config }: TokenFlags): Promise<readonly string[]> {
  const { tokensFile } = await loadEdgeConfig(config)
  const entries = await readTokens(tokensFile)
  return entries.map((entry) => `${entry.owner} ${tokenId(entry)} since ${entry.created}`)
}

/** `fairway edge token remove`: the owner's only token, or the one with an id, or all. Says what is gone. */
export async function removeTokens(
  owner: string,
  { config, id, all }: TokenFlags & { readonly id?: string; readonly all?: boolean },
): Promise<string> {
  checkOwner(owner)
  const { tokensFile } = await loadEdgeConfig(config)
  const entries = await readTokens(tokensFile)
  const own = entries.filter((entry) => entry.owner === owner)
  const gone = own.filter((entry) => id === undefined || tokenId(entry) === id)
  const ids = own.map(tokenId).join(', ')
  if (gone.length === 0) {
    throw invalid(
      `${owner} has no ${id === undefined ? 'token' : `token ${id}`}`,
      ids === '' ? 'Nothing is to be done' : `It has: ${ids}`,
    )
  }
  if (gone.length > 1 && all !== true)
    throw invalid(`${owner} has several tokens: ${ids}`, 'Name one by --id, or say --all')
  await writeTokens(
    tokensFile,
    entries.filter((entry) => !gone.includes(entry)),
  )
  return `${owner} has no token ${gone.map(tokenId).join(', ')} any more`
}

function checkOwner(owner: string): void {
  if (readScope(owner) === undefined) {
    throw invalid(
      `"${owner}" is not an owner`,
      'Name one like prod-a/public, or prod-a/* for all classes of the cluster',
    )
  }
}

function invalid(message: string, remedy: string): FairwayError {
  return new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy })
}
