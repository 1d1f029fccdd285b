import { describeEndpoint } from '../../http/endpoint.ts'
import type { Holding } from '../../model/adoption.ts'
import type { Adopter } from '../../model/driver.ts'
import { EDGE_ERRORS, type TablesAnswer, tablesAnswerSchema, writeAnswerSchema } from '../../model/edge-wire.ts'
import { FairwayError } from '../../model/problems.ts'
import type { EdgeClient } from './client.ts'
import type { EdgeOptions } from './options.ts'
import { parse, tablePath } from './read.ts'

/** What `fairway adopt` asks of a driver. */
export function createAdopter(client: EdgeClient, options: EdgeOptions): Adopter {
  return {
    holdings: (signal) => readHoldings(client, options, signal),
    adopt: (from, signal) => adoptTable(client, options, from, signal),
  }
}

/** Who holds the table that bears our name. */
async function readHoldings(
  client: EdgeClient,
  options: EdgeOptions,
  signal: AbortSignal,
): Promise<readonly Holding[]> {
  const table = await findTable(client, options, signal)
  return table === undefined ? [] : [{ uid: table.uid, frontends: table.keys.length, writtenAt: table.writtenAt }]
}

/** Makes the table ours that bears our name and another UID. Its content does not travel: the edge keeps it as it is. */
async function adoptTable(client: EdgeClient, options: EdgeOptions, from: string, signal: AbortSignal): Promise<void> {
  const { owner, epoch, proxy, log } = options
  const table = await findTable(client, options, signal)
  if (table?.uid !== from) return
  const body = { uid: owner.uid, epoch, adopts: from }
  const answer = await client.write('PATCH', tablePath(owner), table.generation, body, signal)
  if (answer.status === EDGE_ERRORS.BodyInvalid) throw tooOld(options)
  parse(options, writeAnswerSchema, answer)
  log.info({ proxy, from, frontends: table.keys.length }, 'adopted a table')
}

async function findTable(
  client: EdgeClient,
  options: EdgeOptions,
  signal: AbortSignal,
): Promise<TablesAnswer['tables'][number] | undefined> {
  const { cluster, className } = options.owner
  const { tables } = parse(options, tablesAnswerSchema, await client.get(`/v1/tables/${cluster}`, signal))
  return tables.find((one) => one.class === className)
}

/** The body is read strictly, and this one is well-formed. */
function tooOld(options: EdgeOptions): FairwayError {
  const { cluster, className } = options.owner
  return new FairwayError({
    code: 'ProxyRejected',
    kind: 'terminal',
    message: `${describeEndpoint(options)} is of a version that cannot change the owner of a table`,
    remedy: `Upgrade fairway on the proxy; or run "fairway edge table remove ${cluster}/${className}" there, which ends what it serves`,
  })
}
