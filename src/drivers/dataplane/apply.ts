import { createHash } from 'node:crypto'
import { oneLine } from '../../http/failures.ts'
import type { Applied, Plan } from '../../model/driver.ts'
import { FairwayError, type Problem } from '../../model/problems.ts'
import type { Rests } from '../../model/rests.ts'
import type { Table } from '../../model/table.ts'
import { preflight } from '../common/preflight.ts'
import type { Dial } from '../common/probe.ts'
import { resolveTable } from '../common/wanted.ts'
import { bindProblem, readBindFailures } from './bind-failures.ts'
import type { DataplaneClient } from './client.ts'
import { composeSections, type Wanted } from './compose.ts'
import { notConfirmed, rejected } from './errors.ts'
import type { Estate } from './estates.ts'
import { groundOf } from './ground.ts'
import { type Operation, operationsOf } from './operations.ts'
import type { DataplaneOptions } from './options.ts'
import type { Sections } from './sections.ts'
import { readSnapshot, type Snapshot } from './snapshot.ts'
import { cutStrays } from './strays.ts'
import { commitOperations } from './transaction.ts'
import { findUnrenderable } from './unrenderable.ts'

export interface Applier {
  readonly client: DataplaneClient
  readonly options: DataplaneOptions
  readonly dial: Dial
  /** Of sockets by their keys, and of whole writes by a hash of their operations. */
  readonly rests: Rests
}

/** Brings HAProxy to a plan's table by one transaction and one reload. `unconfirmed`: reload even if nothing differs. */
export async function applyPlan(
  applier: Applier,
  snapshot: Snapshot,
  plan: Plan,
  unconfirmed: boolean,
  signal: AbortSignal,
): Promise<Applied> {
  const { options } = applier
  const { ours } = snapshot.estates
  const wanted = wantedOf(options, plan.table)
  const strays = cutStrays(options, snapshot.estates, plan.strays)
  const gone = new Set(strays.freed.map(({ section }) => `frontend ${section.name}`))
  const ground = {
    ...groundOf({ sockets: ours.sockets, freed: strays.freed, keep: plan.keep }),
    listeners: snapshot.observed.listeners.filter(({ holder }) => !gone.has(holder)),
    barred: applier.rests.find,
  }
  const { proxy, declares, probe } = options
  // HAProxy 2.6 serves nobody for two seconds when a reload fails.
  const rules = { proxy, declares, probe, program: 'HAProxy', findUnrenderable }
  const refused = await preflight(rules, ground, wanted, applier.dial, signal)
  const keep = new Set([...plan.keep, ...[...refused].flatMap(([key, one]) => (one.keep ? [key] : []))])
  const able = wanted.filter(({ key }) => !refused.has(key))
  const sections = composeSections(options, ours, able, keep)
  const operations = [...strays.operations, ...operationsOf(ours.sections, sections)]
  const result = { refused: [...refused].map(([key, { problem }]) => ({ key, problem })) }
  if (operations.length === 0 && !unconfirmed) {
    if (snapshot.observed.trouble !== undefined) throw new FairwayError(snapshot.observed.trouble)
    return { ...result, wrote: false }
  }
  await commit(applier, snapshot, { operations, content: contentOf(sections, plan) }, signal)
  const after = await readSnapshot(applier.client, options, signal)
  const missing = operationsOf(after.estates.ours.sections, sections)[0]
  if (missing === undefined) return { ...result, wrote: true }
  throw new FairwayError(
    notConfirmed(options, `${missing.kind} ${missing.name ?? missing.body?.name} is not as written`),
  )
}

function wantedOf({ listen }: DataplaneOptions, table: Table): readonly Wanted[] {
  return resolveTable(listen, table).map(({ frontend: { group, ...frontend }, ...rest }) => ({
    ...rest,
    frontend,
    group,
  }))
}

/** Names what a write is to come to, wherever it begins. */
function contentOf({ defaults, backends, frontends }: Sections, { strays }: Plan): string {
  const content = [[...defaults], [...backends], [...frontends], strays]
  return createHash('sha256').update(JSON.stringify(content)).digest('hex')
}

interface Write {
  readonly operations: readonly Operation[]
  readonly content: string
}

/** Throws where HAProxy goes on with what it had. */
async function commit(applier: Applier, snapshot: Snapshot, write: Write, signal: AbortSignal): Promise<void> {
  const { client, options, rests } = applier
  const resting = rests.find(write.content)
  if (resting !== undefined) throw new FairwayError(resting)
  options.log.debug({ proxy: options.proxy, operations: write.operations.length }, 'writing sections')
  const ended = await commitOperations(client, options, snapshot.version, write.operations, signal)
  if (ended.status === 'succeeded') return
  const failures = readBindFailures(ended.text)
  for (const one of failures) rests.add(one.socket, bindProblem(options.proxy, one))
  const problem = reloadProblem(options, ended.text)
  // What is left out from now on makes another write.
  if (failures.length === 0) rests.add(write.content, problem)
  await undo(applier, snapshot, signal)
  throw new FairwayError(problem)
}

/**
 * Takes back what HAProxy could not load. The API restores its file, and goes on with what was committed (3.4): whoever wrote next would fail for
 * what is ours.
 */
async function undo({ client, options }: Applier, before: Snapshot, signal: AbortSignal): Promise<void> {
  const now = await readSnapshot(client, options, signal)
  const pairs = [now.estates.ours, ...now.estates.siblings].map(
    (estate) => [estate, sameEstate(before, estate)] as const,
  )
  const operations = pairs.flatMap(([estate, old]) => operationsOf(estate.sections, old))
  const ended = await commitOperations(client, options, now.version, operations, signal)
  if (ended.status === 'failed')
    throw new FairwayError(notConfirmed(options, 'could not be brought back to the one before'))
}

/** What an estate had before. One that the write has emptied is nobody's any more, and stays so. */
function sameEstate({ estates }: Snapshot, { holder, sections }: Estate): Sections {
  const old = [estates.ours, ...estates.siblings].find((one) => one.holder.className === holder.className)
  return old?.sections ?? sections
}

/** Of all that HAProxy says while it reloads, the alerts tell why it did not. */
export function reloadProblem(options: DataplaneOptions, text: string): Problem {
  const alerts = text.split('\n').filter((line) => line.includes('[ALERT]'))
  const said = oneLine(alerts.length > 0 ? alerts.join(' ') : text)
  return rejected(options, said === '' ? 'its reload failed without a word' : said, 'transient')
}
