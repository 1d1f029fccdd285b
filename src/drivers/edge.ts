import type { Applied, Driver, Observed, Plan } from '../model/driver.ts'
import { writeAnswerSchema } from '../model/edge-wire.ts'
import { FairwayError } from '../model/problems.ts'
import type { FrontendKey, Table } from '../model/table.ts'
import { createAdopter } from './edge/adopt.ts'
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
    const known = last
    // Generations begin anew with a table that is made anew, as after one of another cluster: what cannot be read may be such a one.
    last = undefined
    last = await readSnapshot(client, options, known, signal)
    return last.observed
  }

  async function apply(plan: Plan, signal: AbortSignal): Promise<Applied> {
    if (last?.observed.revision !== plan.observed.revision) throw raced(options)
    if (plan.strays.length > 0) await free(last, plan, signal)
    const { table, refused } = say(plan.table)
    const unsaid = new Set(refused.map(({ key }) => key))
    // What was served before something was asked for that cannot be said goes on.
    const keep = plan.keep.union(unsaid)
    const wrote = await write(wantedTable(table, keep, last.observed.table), keep, signal)
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
  async function write(wanted: Table, keep: ReadonlySet<FrontendKey>, signal: AbortSignal): Promise<boolean> {
    if (last === undefined) throw raced(options)
    const { generation, info, others, observed, foreignGroups } = last
    const delta = deltaOf(observed.table, wanted, { foreign: observed.drifted, foreignGroups }, keep)
    if (delta === undefined) return false
    const { owner, epoch } = options
    const body = { uid: owner.uid, epoch, ...(generation === 0 ? { table: wanted } : delta) }
    const method = generation === 0 ? 'PUT' : 'PATCH'
    const written = await client.write(method, tablePath(owner), generation, body, signal)
    const answer = parse(options, writeAnswerSchema, written)
    const left = { foreign: observed.drifted.intersection(keep), foreignGroups: untouched(last, wanted) }
    const told = { ...answer, table: { ...wanted, ...left }, trouble: undefined }
    last = snapshotOf(options, { generation: answer.generation, epoch: answer.epoch, info, others }, told)
    return true
  }

  return { capabilities: undefined, read, apply, ...createAdopter(client, options), close: () => client.close() }
}

/** Of the groups that say more than is known here, those that stay as they are. */
function untouched({ observed, foreignGroups }: Snapshot, { groups }: Table): ReadonlySet<string> {
  if (foreignGroups.size === 0) return foreignGroups
  const stored = new Set(observed.table.groups)
  return new Set(groups.flatMap((group) => (stored.has(group) && foreignGroups.has(group.id) ? group.id : [])))
}

function raced({ proxy, owner }: EdgeOptions): FairwayError {
  return new FairwayError({
    code: 'RevisionConflict',
    kind: 'transient',
    message: `the table ${owner.cluster}/${owner.className} on proxy ${proxy} is another than the one that was planned for`,
    remedy: 'Wait for the next pass',
  })
}
