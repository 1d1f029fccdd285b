import type { z } from 'zod'
import { describeEndpoint } from '../../http/endpoint.ts'
import { adoptRemedy } from '../../model/adoption.ts'
import type { Observed, Refusal, Sibling } from '../../model/driver.ts'
import { type HeardTable, heardAnswerSchema } from '../../model/edge-heard.ts'
import { type EdgeInfo, infoSchema, type TablesAnswer, tablesAnswerSchema } from '../../model/edge-wire.ts'
import { FairwayError, type Problem } from '../../model/problems.ts'
import { EMPTY_TABLE, type Owner } from '../../model/table.ts'
import type { Answer, EdgeClient } from './client.ts'
import { answerProblem, isNotFound } from './errors.ts'
import type { EdgeOptions } from './options.ts'

/** What an edge has of ours, as read at one moment. */
export interface Snapshot {
  /** 0: no table yet. */
  readonly generation: number
  /** In which it was written. */
  readonly epoch: number
  readonly info: EdgeInfo
  /** Tables of our cluster's other classes that our credential may read. */
  readonly others: TablesAnswer['tables']
  readonly observed: Observed
  /** Groups of the table that say more than is known here. */
  readonly foreignGroups: ReadonlySet<string>
}

/** Of a table in the API of the edge. */
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
  const [about, mine, list] = await Promise.all([
    client.get('/v1/info', signal),
    client.get(tablePath(owner) + known, signal),
    // Thousands of keys of our own that the table says anyway. An edge that does not know the word tells them all the same.
    client.get(`/v1/tables/${owner.cluster}?except=${owner.className}`, signal),
  ])
  const info = parse(options, infoSchema, about)
  // A credential for one class may be refused the list: then there are no others for us.
  const { tables } = list.status === 200 ? parse(options, tablesAnswerSchema, list) : { tables: [] }
  const others = tables.filter((one) => one.class !== owner.className && one.uid === owner.uid)
  if (isNotFound(mine.status, mine.body)) return snapshotOf(options, { generation: 0, epoch: 0, info, others }, NOTHING)
  const answer = parse(options, heardAnswerSchema, mine)
  if (answer.uid !== owner.uid) throw conflict(options, answer.uid)
  const { generation, epoch, table = sameTable(answer, last), trouble } = answer
  // Removed, written anew by another cluster and adopted since: as many writes, of another table.
  if (table === undefined) return readSnapshot(client, options, undefined, signal)
  const told = { ...answer, table, trouble: trouble && troubleOf(options, trouble) }
  return snapshotOf(options, { generation, epoch, info, others }, told)
}

/** The table that we know, where the edge says that it has not changed. */
function sameTable(
  { generation, epoch }: Pick<Snapshot, 'generation' | 'epoch'>,
  last: Snapshot | undefined,
): HeardTable | undefined {
  if (last === undefined) return NO_TABLE
  return last.generation === generation && last.epoch === epoch ? tableOf(last) : undefined
}

const NO_TABLE: HeardTable = { ...EMPTY_TABLE, foreign: new Set(), foreignGroups: new Set() }

function tableOf({ observed, foreignGroups }: Snapshot): HeardTable {
  return { ...observed.table, foreign: observed.drifted, foreignGroups }
}

/** What an edge tells of our table. */
export interface Told {
  readonly table: HeardTable
  readonly verdicts: readonly { readonly key: string; readonly state: string; readonly problem?: Problem }[]
  readonly notices: Observed['notices']
  readonly trouble: Problem | undefined
}

const NOTHING: Told = { table: NO_TABLE, verdicts: [], notices: [], trouble: undefined }

/** What answers of an edge come to. */
export function snapshotOf(
  { proxy }: Pick<EdgeOptions, 'proxy'>,
  about: Pick<Snapshot, 'generation' | 'epoch' | 'info' | 'others'>,
  { table, verdicts, notices, trouble }: Told,
): Snapshot {
  const { generation, info, others } = about
  const siblings = others.flatMap((other): Sibling[] => other.keys.map((key) => ({ className: other.class, key })))
  const observed = {
    revision: [generation, ...others.map((other) => `${other.class} ${other.generation}`)].join(', '),
    table: { frontends: table.frontends, groups: table.groups },
    // Not as we would write it: by another version.
    drifted: table.foreign,
    listeners: info.listeners,
    siblings,
    refused: verdicts.flatMap(({ key, state, problem }) =>
      state === 'refused' && problem !== undefined ? onProxy(proxy, { key, problem }) : [],
    ),
    notices: notices.map((notice) => onProxy(proxy, notice)),
    trouble,
    capabilities: info.capabilities,
  }
  return { ...about, observed, foreignGroups: table.foreignGroups }
}

/** The edge does not know what it is called here, and a class may have several. */
function onProxy(proxy: string, { key, problem }: Refusal): Refusal {
  return { key, problem: { ...problem, message: `proxy ${proxy}: ${problem.message}` } }
}

/** The program cannot be brought to the tables. The edge goes on trying; a write of ours may end it. */
function troubleOf(options: EdgeOptions, { code, message, remedy }: Problem): Problem {
  const text = `${describeEndpoint(options)} is not known to serve its table: ${message}`
  const isDown = code === 'ProxyUnreachable'
  return { code: isDown ? code : 'ProxyRejected', kind: 'transient', message: text, remedy }
}

function conflict(options: EdgeOptions, uid: string): FairwayError {
  const { cluster, className, uid: ours } = options.owner
  const name = `${cluster}/${className}`
  return new FairwayError({
    code: 'OwnerConflict',
    kind: 'terminal',
    message: `the table ${name} on ${describeEndpoint(options)} belongs to another cluster of that name (UID ${uid}, ours is ${ours})`,
    remedy: adoptRemedy(options.owner, uid, options.proxy),
  })
}

/** The body of a good answer. Throws what a bad one stands for. */
export function parse<T extends z.ZodType>(options: EdgeOptions, schema: T, { status, body }: Answer): z.output<T> {
  const parsed = status === 200 || status === 201 ? schema.safeParse(jsonOf(body)) : undefined
  if (parsed?.success === true) return parsed.data
  const { cluster, className } = options.owner
  throw new FairwayError(answerProblem(options, `${cluster}/${className}`, status, body))
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    // Something else answers at that URL: the schema fails on it.
    return undefined
  }
}
