import { type Servers, writeServers } from '../../caddy/apps.ts'
import { parseBindError } from '../../caddy/bind-error.ts'
import type { AdminClient, Answer } from '../../caddy/client.ts'
import { answerProblem, caddyText, notConfirmed } from '../../caddy/errors.ts'
import { readOwnership } from '../../caddy/ownership.ts'
import type { Applied, Plan, Refusal } from '../../model/driver.ts'
import { sameJson } from '../../model/json.ts'
import { FairwayError } from '../../model/problems.ts'
import type { Dial } from '../common/probe.ts'
import type { Resolver } from '../common/wanted.ts'
import { isSameAs, type Merger, mergeServers } from './merge.ts'
import { type PreflightParts, preflight, withBarred } from './preflight.ts'
import type { Reader, Snapshot } from './snapshot.ts'
import { cutStrays } from './strays.ts'

/** What looks at a plan before it is written. */
export interface Previewer extends PreflightParts {
  readonly resolve: Resolver
}

export interface Applier extends Previewer, Merger {
  readonly client: AdminClient
  readonly reader: Reader
}

/** Each write that Caddy rejects at Start may leave listeners behind: a few that name something new, never a search for the culprit. */
const MOST_FURTHER_WRITES = 3

/** Brings Caddy to a plan's table with one write, or a few where Caddy names sockets that it cannot bind. */
export async function applyPlan(
  applier: Applier,
  snapshot: Snapshot,
  plan: Plan,
  signal: AbortSignal,
): Promise<Applied> {
  const { options, quarantine, dial } = applier
  const wanted = applier.resolve(plan.table)
  const redial = options.probe ? (targets: Parameters<Dial>[0]) => dial(targets, signal) : undefined
  const cut = cutStrays(snapshot, plan.strays)
  await quarantine.review(wanted, redial)
  const found = await preflight(applier, snapshot, { wanted, keep: plan.keep, cut }, signal)
  for (let further = 0; ; further++) {
    const refused = withBarred(found, wanted, quarantine)
    const servers = mergeServers(applier, snapshot, { wanted, refused, keep: plan.keep, cut })
    const result = { refused: [...refused].map(([key, { problem }]) => ({ key, problem })) }
    if (isSameAs(snapshot, servers)) return { ...result, wrote: false }
    const rejection = await writeAndConfirm(applier, snapshot, servers, signal)
    if (rejection === undefined) return { ...result, wrote: true }
    const error = parseBindError(caddyText(rejection.body))
    if (error === undefined || further >= MOST_FURTHER_WRITES || !quarantine.add(error, wanted)) {
      throw new FairwayError(answerProblem(options, rejection.status, rejection.body))
    }
    options.log.warn({ proxy: options.proxy, ...error }, 'Caddy cannot bind a socket; its frontends are left out')
    // Looks at the named sockets once, so that a later look can tell a change.
    await quarantine.review(wanted, redial)
  }
}

/** What `applyPlan` would leave out before it writes. Writes nothing. */
export async function previewPlan(
  parts: Previewer,
  snapshot: Snapshot,
  plan: Plan,
  signal: AbortSignal,
): Promise<readonly Refusal[]> {
  const wanted = parts.resolve(plan.table)
  const decided = { wanted, keep: plan.keep, cut: cutStrays(snapshot, plan.strays) }
  const refused = await preflight(parts, snapshot, decided, signal)
  return Array.from(refused, ([key, { problem }]) => ({ key, problem }))
}

/** Writes all servers in exchange for the snapshot, and reads them back. Gives Caddy's answer where it rejects them. */
async function writeAndConfirm(
  applier: Applier,
  snapshot: Snapshot,
  servers: Servers,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  const { options, client } = applier
  options.log.debug({ proxy: options.proxy, servers: servers.size }, 'writing servers')
  let lost: unknown
  let answer: Answer | undefined
  try {
    answer = await writeServers(client, snapshot.apps, servers, signal)
  } catch (error) {
    // Written or not: only Caddy knows. Its reads wait for a change that is under way.
    signal.throwIfAborted()
    if (error instanceof FairwayError && error.problem.code === 'LeaseLost') throw error
    lost = error
  }
  if (answer !== undefined && answer.status >= 300) {
    if (answer.status === 500 && parseBindError(caddyText(answer.body)) !== undefined) return answer
    throw new FairwayError(answerProblem(options, answer.status, answer.body))
  }
  const difference = await compareWithProxy(applier, snapshot, servers, signal).catch((error: unknown) => {
    signal.throwIfAborted()
    throw lost ?? error
  })
  if (difference === undefined) return undefined
  throw lost ?? new FairwayError(notConfirmed(options, difference))
}

/** What of ours the proxy does not show as written, or undefined. Others may have changed theirs in between: that is no concern of ours. */
async function compareWithProxy(
  { reader, options }: Applier,
  { foreign, owned, siblings }: Snapshot,
  servers: Servers,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { servers: shown } = await reader.look(signal)
  const ours = [...servers].filter(([key, json]) => json !== foreign.get(key))
  const missing = ours.find(([key, json]) => !sameJson(shown.get(key), json))
  if (missing !== undefined) return `server ${missing[0]} is not as written`
  const gone = [...owned.keys(), ...siblings.keys()].filter((key) => shown.has(key) && !servers.has(key))
  const stale = gone.find((key) => readOwnership(options, key, shown.get(key)) !== undefined)
  return stale === undefined ? undefined : `server ${stale} is still there`
}
