import { setTimeout as delay } from 'node:timers/promises'
import type { Refusal } from '../model/driver.ts'
import { errorText, FairwayError, type Problem } from '../model/problems.ts'
import { type FrontendKey, frontendKey, type Table } from '../model/table.ts'
import { checkCapabilities } from '../plan/capabilities.ts'
import { diffTables } from '../plan/diff.ts'
import { type GuardLimits, guardRemovals } from '../plan/guard.ts'
import { holdServed, keptUntouched } from '../plan/hold.ts'
import type { Log, Proxy } from './interfaces.ts'

/** A lost compare-and-swap is read and planned anew at once, this many times; after that it is the next pass's. */
const MOST_RACES = 4
const RACE_PAUSE_MS = 250

/** What one proxy made of a table. */
export interface ProxyResult {
  readonly proxy: string
  /** Set when nothing is known of the proxy: it was not reached, or refused the whole. */
  readonly problem: Problem | undefined
  /** Frontends of the table that it does not serve. Meaningless beside `problem`. */
  readonly refused: ReadonlyMap<FrontendKey, Problem>
  /** Set when removals were held back by the guard. */
  readonly heldBack: Problem | undefined
  readonly wrote: boolean
}

export interface Wish {
  readonly table: Table
  /** Frontends that stay as the proxy has them, and why. */
  readonly held: ReadonlyMap<FrontendKey, Problem>
  readonly nodeGroups: ReadonlySet<string>
  /** Frontends that Services in the cluster account for. */
  readonly accounted: ReadonlySet<FrontendKey>
  readonly guard: GuardLimits
}

/** Brings one proxy to a table: read, hold, diff, guard, apply. Never rejects but when the signal ends it. */
export async function programProxy(proxy: Proxy, wish: Wish, log: Log, signal: AbortSignal): Promise<ProxyResult> {
  for (let race = 1; ; race++) {
    try {
      return await programOnce(proxy, wish, log, signal)
    } catch (error) {
      signal.throwIfAborted()
      const problem = problemOf(error, proxy.name)
      if (problem.code === 'RevisionConflict' && race < MOST_RACES) {
        log.info({ proxy: proxy.name, race }, 'another write came first; reading again')
        // Others that lost as well must not all come back at once.
        await delay(RACE_PAUSE_MS * Math.random(), undefined, { signal })
        continue
      }
      log.warn({ proxy: proxy.name, code: problem.code, err: error }, problem.message)
      return { proxy: proxy.name, problem, refused: new Map(), heldBack: undefined, wrote: false }
    }
  }
}

async function programOnce(proxy: Proxy, wish: Wish, log: Log, signal: AbortSignal): Promise<ProxyResult> {
  const observed = await proxy.driver.read(signal)
  const lacking = checkCapabilities(wish.table, proxy.name, proxy.driver.capabilities)
  // What the proxy cannot do is not sent. If it served the frontend in an older form, it goes on doing so.
  const held = new Map([...wish.held, ...lacking.map(({ key, problem }) => [key, problem] as const)])
  const table = holdServed(wish.table, held, wish.nodeGroups, observed)
  const keep = keptUntouched(held.keys(), observed)
  const { plan, problem: heldBack } = guardRemovals(
    diffTables(observed, table, keep),
    wish.accounted,
    wish.guard,
    proxy.name,
  )
  if (heldBack !== undefined) log.error({ proxy: proxy.name, code: heldBack.code }, heldBack.message)
  if (plan.changes.length === 0)
    return result(proxy, [...lacking, ...unserved(wish.held, table, keep)], heldBack, false)
  const started = performance.now()
  const applied = await proxy.driver.apply(plan, signal)
  if (applied.wrote) {
    const left = new Set(applied.refused.map(({ key }) => key))
    const changes = plan.changes.filter(({ key }) => !left.has(key)).map(({ kind, key }) => `${kind} ${key}`)
    const durationMs = Math.round(performance.now() - started)
    log.info(
      { proxy: proxy.name, changes: changes.slice(0, 20), total: changes.length, durationMs },
      'proxy programmed',
    )
  }
  return result(proxy, [...lacking, ...applied.refused, ...unserved(wish.held, table, keep)], heldBack, applied.wrote)
}

/** Held frontends that the proxy never had are not served, for the reason that holds them. */
function unserved(held: Wish['held'], table: Table, keep: ReadonlySet<FrontendKey>): readonly Refusal[] {
  const present = new Set([...keep, ...table.frontends.map(frontendKey)])
  return [...held].flatMap(([key, problem]) => (present.has(key) ? [] : { key, problem }))
}

function result(
  proxy: Proxy,
  refusals: readonly Refusal[],
  heldBack: Problem | undefined,
  wrote: boolean,
): ProxyResult {
  const refused = new Map(refusals.toReversed().map(({ key, problem }) => [key, problem]))
  return { proxy: proxy.name, problem: undefined, refused, heldBack, wrote }
}

function problemOf(error: unknown, proxy: string): Problem {
  if (error instanceof FairwayError) return error.problem
  return {
    code: 'ProxyRejected',
    kind: 'transient',
    message: `Proxy ${proxy} could not be programmed: ${errorText(error)}`,
    remedy: 'This is a defect in Fairway: report it with the log around this line',
  }
}
