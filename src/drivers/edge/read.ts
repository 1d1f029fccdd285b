import type { z } from 'zod'
import type { Capabilities, Observed, Sibling } from '../../model/driver.ts'
import {
  type EdgeInfo,
  infoSchema,
  type TableAnswer,
  type TablesAnswer,
  tableAnswerSchema,
  tablesAnswerSchema,
} from '../../model/edge-wire.ts'
import { FairwayError } from '../../model/problems.ts'
import { EMPTY_TABLE, type Owner, type Table, withoutFrontends } from '../../model/table.ts'
import { describeEndpoint } from '../http/endpoint.ts'
import type { EdgeClient } from './client.ts'
import { answerProblem } from './errors.ts'
import type { EdgeOptions } from './options.ts'

/** What an edge has of ours, as read at one moment. */
export interface Snapshot {
  /** 0: no table yet. */
  readonly generation: number
  /** As stored there, what it refuses among it. */
  readonly stored: Table
  readonly answer: Pick<TableAnswer, 'verdicts' | 'notices'>
  /** Tables of our cluster's other classes that our credential may read. */
  readonly others: TablesAnswer['tables']
  readonly observed: Observed
}

export function tablePath({ cluster, className }: Pick<Owner, 'cluster' | 'className'>): string {
  return `/v1/tables/${cluster}/${className}`
}

/** Reads our table, and not again what `last` knows already. Throws a FairwayError. */
export async function readSnapshot(
  client: EdgeClient,
  options: EdgeOptions,
  last: Snapshot | undefined,
  signal: AbortSignal,
): Promise<Snapshot> {
  const { owner } = options
  const known = last === undefined ? '' : `?known=${last.generation}`
  const [info, table, siblings] = await Promise.all([
    client.get('/v1/info', signal),
    client.get(tablePath(owner) + known, signal),
    client.get(`/v1/tables/${owner.cluster}`, signal),
  ])
  const { capabilities } = parse(options, infoSchema, info.status, info.body)
  const none = table.status === 404 && answerProblem(options, table.status, table.body).code !== 'ProxyUnreachable'
  const answer = none ? undefined : parse(options, tableAnswerSchema, table.status, table.body)
  if (answer !== undefined && answer.uid !== owner.uid) throw conflict(options, answer.uid)
  // A credential for one class may be refused the list: then there are no others for us.
  const others =
    siblings.status === 200 ? parse(options, tablesAnswerSchema, siblings.status, siblings.body).tables : []
  return snapshotOf(options, capabilities, answer, others, last)
}

function snapshotOf(
  { owner }: EdgeOptions,
  capabilities: EdgeInfo['capabilities'],
  answer: TableAnswer | undefined,
  tables: TablesAnswer['tables'],
  last: Snapshot | undefined,
): Snapshot {
  const generation = answer?.generation ?? 0
  const unchanged = last?.generation === generation ? last.stored : EMPTY_TABLE
  const stored = answer?.table ?? unchanged
  const others = tables.filter((one) => one.class !== owner.className && one.uid === owner.uid)
  const { verdicts = [], notices = [] } = answer ?? {}
  return {
    generation,
    stored,
    answer: { verdicts, notices },
    others,
    observed: observe(capabilities, generation, stored, { verdicts, notices }, others),
  }
}

function observe(
  capabilities: Capabilities,
  generation: number,
  stored: Table,
  { verdicts, notices }: Snapshot['answer'],
  others: Snapshot['others'],
): Observed {
  const refused = new Set(verdicts.flatMap(({ key, state }) => (state === 'refused' ? key : [])))
  const siblings = others.flatMap((other): Sibling[] => other.keys.map((key) => ({ className: other.class, key })))
  const revision = [generation, ...others.map((other) => `${other.class} ${other.generation}`)].join(', ')
  // What it refuses is not served: to be asked for again, without a write as long as it is there.
  return {
    revision,
    table: withoutFrontends(stored, refused),
    drifted: new Set(),
    listeners: [],
    siblings,
    notices,
    capabilities,
  }
}

function conflict(options: EdgeOptions, uid: string): FairwayError {
  const { cluster, className, uid: ours } = options.owner
  return new FairwayError({
    code: 'OwnerConflict',
    kind: 'terminal',
    message: `the table ${cluster}/${className} on ${describeEndpoint(options)} belongs to another cluster of that name (UID ${uid}, ours is ${ours})`,
    remedy:
      'Give each cluster a name of its own; if this cluster replaces the other one, delete the table on the proxy (fairway edge table delete)',
  })
}

/** The body of a good answer. Throws what a bad one stands for. */
export function parse<T extends z.ZodType>(options: EdgeOptions, schema: T, status: number, body: string): z.output<T> {
  const parsed = status === 200 || status === 201 ? schema.safeParse(jsonOf(body)) : undefined
  if (parsed?.success === true) return parsed.data
  throw new FairwayError(answerProblem(options, status, body))
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    // Something else answers at that URL: the schema fails on it.
    return undefined
  }
}
