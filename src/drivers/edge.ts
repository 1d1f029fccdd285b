import type { Applied, Driver, Observed, Plan } from '../model/driver.ts'
import { writeAnswerSchema } from '../model/edge-wire.ts'
import { FairwayError } from '../model/problems.ts'
import type { Table } from '../model/table.ts'
import { createEdgeClient } from './edge/client.ts'
import { deltaOf } from './edge/delta.ts'
import type { EdgeOptions } from './edge/options.ts'
import { parse, readSnapshot, type Snapshot, snapshotOf, tablePath } from './edge/read.ts'
import { createSpeaker } from './edge/sayable.ts'
import { removeStrays } from './edge/strays.ts'
import { wantedTable } from './edge/wanted.ts'

/**
 * Programs a proxy through `fairway edge`, which keeps our table and answers for each frontend whether it is served. What the proxy can do depends on
 * the program behind the edge, and is told by each reading. After the first table only differences travel.
 */
export function createEdgeDriver(options: EdgeOptions): Driver {
  const client = createEdgeClient(options)
  const say = createSpeaker(options.proxy)
  let last: Snapshot | undefined

  async function read(signal: AbortSignal): Promise<Observed> {
    last = await readSnapshot(client, options, last, signal)
    return last.observed
  }

  async function apply(plan: Plan, signal: AbortSignal): Promise<Applied> {
    if (last?.observed.revision !== plan.observed.revision) throw raced(options)
    if (plan.strays.length > 0) await free(last, plan, signal)
    const { table, refused } = say(plan.table)
    const unsaid = new Set(refused.map(({ key }) => key))
    // What was served before something was asked for that cannot be said goes on.
    const wrote = await write(wantedTable(table, plan.keep.union(unsaid), last.observed.table), signal)
    const { observed } = last
    if (!wrote && observed.trouble !== undefined) throw new FairwayError(observed.trouble)
    const denied = observed.refused.filter(({ key }) => !unsaid.has(key))
    return { refused: [...refused, ...denied], wrote: wrote || plan.strays.length > 0 }
  }

  /** Removes strays first: what they hold may be wanted here, and what the edge has told of ours no longer holds. */
  async function free({ generation, others }: Snapshot, { strays }: Plan, signal: AbortSignal): Promise<void> {
    await removeStrays(client, options, others, strays, signal)
    last = await readSnapshot(client, options, last, signal)
    if (last.generation !== generation) throw raced(options)
  }

  /** Resolves with whether anything had to be written. */
  async function write(wanted: Table, signal: AbortSignal): Promise<boolean> {
    if (last === undefined) throw raced(options)
    const { generation, info, others, observed } = last
    const delta = deltaOf(observed.table, wanted)
    if (delta === undefined) return false
    const { owner, epoch } = options
    const body = { uid: owner.uid, epoch, ...(generation === 0 ? { table: wanted } : delta) }
    const method = generation === 0 ? 'PUT' : 'PATCH'
    const answer = parse(
      options,
      writeAnswerSchema,
      await client.write(method, tablePath(owner), generation, body, signal),
    )
    const told = { ...answer, table: wanted, trouble: undefined }
    last = snapshotOf(options, { generation: answer.generation, info, others }, told)
    return true
  }

  return { capabilities: undefined, read, apply, close: () => client.close() }
}

function raced({ proxy, owner }: EdgeOptions): FairwayError {
  return new FairwayError({
    code: 'RevisionConflict',
    kind: 'transient',
    message: `the table ${owner.cluster}/${owner.className} on proxy ${proxy} is another than the one that was planned for`,
    remedy: 'Wait for the next pass',
  })
}
