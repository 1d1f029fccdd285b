import { readFile } from 'node:fs/promises'
import { Agent, request } from 'undici'
import { loadEdgeConfig } from '../config/edge-config.ts'
import type { EdgeConfig } from '../config/edge-schema.ts'
import { openFolder } from '../edge/files.ts'
import { addToken } from '../edge/init.ts'
import { ownerName } from '../edge/owners.ts'
import { isWildcard } from '../edge/sockets.ts'
import { readTables } from '../edge/store.ts'
import { hashToken, readTokens, writeTokens } from '../edge/tokens.ts'
import type { StoredTable } from '../edge/writes.ts'
import { familyOf, hostPort } from '../model/address.ts'
import { errorSchema } from '../model/edge-wire.ts'
import { errorText, FairwayError } from '../model/problems.ts'

export interface TableFlags {
  /** edge.yaml, which says where tables and tokens are. */
  readonly config: string
}

/** `fairway edge table list`: one line a table, as the disk has it. */
export async function listTables({ config }: TableFlags): Promise<readonly string[]> {
  const { stateDir } = await loadEdgeConfig(config)
  const tables = await readTables(await openFolder(stateDir))
  return tables.map(({ owner, generation, uid, writtenAt, table: { frontends } }) => {
    return `${ownerName(owner)} ${frontends.length} frontends, generation ${generation} since ${writtenAt}, cluster ${uid}`
  })
}

/**
 * `fairway edge table remove`: ends what a cluster has left that will not come back. The edge does it, which must run; until then a token of our own
 * says that we may. Says what is gone.
 */
export async function removeTable(name: string, { config }: TableFlags, now: Date): Promise<string> {
  const edge = await loadEdgeConfig(config)
  const tables = await readTables(await openFolder(edge.stateDir))
  const stored = tables.find(({ owner }) => ownerName(owner) === name)
  if (stored === undefined) {
    const names = tables.map(({ owner }) => ownerName(owner)).join(', ')
    throw invalid(`there is no table ${name}`, names === '' ? 'Nothing is to be done' : `There are: ${names}`)
  }
  const token = await addToken(edge.tokensFile, name, now)
  try {
    await askToRemove(edge, stored, token)
  } finally {
    const others = (await readTokens(edge.tokensFile)).filter(({ sha256 }) => sha256 !== hashToken(token))
    await writeTokens(edge.tokensFile, others)
  }
  return `${name} is removed, with ${stored.table.frontends.length} frontends`
}

/** The edge answers when the program has taken it. */
const LIMIT_MS = 60_000

async function askToRemove({ listen, tls }: EdgeConfig, stored: StoredTable, token: string): Promise<void> {
  const { owner, generation, uid } = stored
  const host = isWildcard(listen.host) ? LOOPBACK[familyOf(listen.host)] : listen.host
  const at = hostPort(host, listen.port)
  // Whoever shows the certificate of our own configuration is the edge, whatever names are in it.
  const ca = await readFile(tls.certFile, 'utf8')
  const connect = { ca, allowPartialTrustChain: true, checkServerIdentity: () => undefined }
  const dispatcher = new Agent({ connect })
  try {
    const path = `https://${at}/v1/tables/${ownerName(owner)}?uid=${uid}&epoch=0`
    const headers = { authorization: `Bearer ${token}`, 'if-match': `"${generation}"` }
    const signal = AbortSignal.timeout(LIMIT_MS)
    const answer = await request(path, { method: 'DELETE', headers, dispatcher, signal })
    const body: unknown = await answer.body.json()
    if (answer.statusCode === 200) return
    const { message, remedy } = errorSchema.parse(body)
    throw invalid(message, remedy)
  } catch (error) {
    if (error instanceof FairwayError) throw error
    throw invalid(
      `fairway edge does not answer at ${at}: ${errorText(error)}`,
      'Start it: it is the one that removes tables',
    )
  } finally {
    await dispatcher.close()
  }
}

const LOOPBACK = { IPv4: '127.0.0.1', IPv6: '::1' } as const

function invalid(message: string, remedy: string): FairwayError {
  return new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy })
}
