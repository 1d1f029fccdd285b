import type { Applied, Driver, Observed, Plan } from '../model/driver.ts'
import { writeAnswerSchema } from '../model/edge-wire.ts'
import { FairwayError } from '../model/problems.ts'
import { frontendKey, makeTable, type Table } from '../model/table.ts'
import { createEdgeClient, type EdgeClient } from './edge/client.ts'
import { deltaOf } from './edge/delta.ts'
import type { EdgeOptions } from './edge/options.ts'
import { parse, readSnapshot, type Snapshot, tablePath } from './edge/read.ts'
import { removeStrays } from './edge/strays.ts'

/**
 * Programs a proxy through `fairway edge`, which holds our table and answers for each frontend whether it is served. What the proxy can do depends on
 * the program behind the edge, and is told by each reading.
 */
export function createEdgeDriver(options: EdgeOptions): Driver {
  const client = createEdgeClient(options)
  let last: Snapshot | undefined

  async function read(signal: AbortSignal): Promise<Observed> {
    last = await readSnapshot(client, options, last, signal)
    return last.observed
  }

  async function apply(plan: Plan, signal: AbortSignal): Promise<Applied> {
    const snapshot = last ?? (await readSnapshot(client, options, undefined, signal))
    if (snapshot.observed.revision !== plan.observed.revision) throw raced(options)
    // First, since what it frees may be wanted here.
    const freed = await removeStrays(client, options, snapshot, plan.strays, signal)
    const { refused, wrote } = await write(client, options, snapshot, wantedTable(plan, snapshot.stored), signal)
    return { refused, wrote: wrote || freed }
  }

  return { capabilities: undefined, read, apply, close: () => client.close() }
}

/** The plan's table, and of what is stored what the plan keeps. */
function wantedTable({ table, keep }: Plan, stored: Table): Table {
  if (keep.size === 0) return table
  const wanted = new Set(table.frontends.map(frontendKey))
  const kept = stored.frontends.filter((one) => keep.has(frontendKey(one)) && !wanted.has(frontendKey(one)))
  const taken = new Set(table.groups.map(({ id }) => id))
  const name = (id: string): string => (taken.has(id) ? name(`${id}+`) : id)
  return makeTable(
    [...table.frontends, ...kept.map((one) => ({ ...one, group: name(one.group) }))],
    [...table.groups, ...stored.groups.map((group) => ({ ...group, id: name(group.id) }))],
  )
}

async function write(
  client: EdgeClient,
  options: EdgeOptions,
  { generation, stored, answer: known }: Snapshot,
  wanted: Table,
  signal: AbortSignal,
): Promise<Applied> {
  const delta = deltaOf(stored, wanted)
  if (delta === undefined) return { refused: refusalsOf(known), wrote: false }
  const { owner, epoch } = options
  const body = { uid: owner.uid, epoch, ...(generation === 0 ? { table: wanted } : delta) }
  const method = generation === 0 ? 'PUT' : 'PATCH'
  const answer = await client.write(method, tablePath(owner), generation, body, signal)
  return { refused: refusalsOf(parse(options, writeAnswerSchema, answer.status, answer.body)), wrote: true }
}

function refusalsOf({ verdicts }: Snapshot['answer']): Applied['refused'] {
  return verdicts.flatMap(({ key, state, problem }) =>
    state === 'refused' && problem !== undefined ? { key, problem } : [],
  )
}

function raced({ proxy }: EdgeOptions): FairwayError {
  return new FairwayError({
    code: 'RevisionConflict',
    kind: 'transient',
    message: `the table on proxy ${proxy} is another than the one that was planned for`,
    remedy: 'Wait for the next pass',
  })
}
