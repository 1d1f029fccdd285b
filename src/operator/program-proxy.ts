import { setTimeout as delay } from 'node:timers/promises'
import type { Observed, Plan, Refusal, Sibling } from '../model/driver.ts'
import { describeProblem, errorText, FairwayError, type Problem } from '../model/problems.ts'
import type { FrontendKey } from '../model/table.ts'
import type { Planned } from '../plan/plan-proxy.ts'
import { renderPlan } from '../plan/render.ts'
import type { Log, Proxy } from './interfaces.ts'

/** A lost compare-and-swap is read and planned anew at once, this many times; after that it is the next pass's. */
const MOST_RACES = 4
const RACE_PAUSE_MS = 250
/** Of a plan in the log: one node that leaves changes every frontend. */
const MOST_LINES = 20

/** What one proxy made of a table. */
export interface ProxyResult {
  readonly proxy: string
  /** Set when nothing is known of the proxy: it was not reached, or refused the whole. */
  readonly problem: Problem | undefined
  /** Frontends of the table that it does not serve. Meaningless beside `problem`. */
  readonly refused: ReadonlyMap<FrontendKey, Problem>
  /** Set when removals were held back by the guard. */
  readonly heldBack: Problem | undefined
  /** What the owners of served frontends should know. */
  readonly notices: readonly Refusal[]
  /** What other classes had left there, and is gone now. */
  readonly strays: readonly Sibling[]
  readonly wrote: boolean
}

/** What is to be done on a proxy, by what it has. */
export type PlanFor = (observed: Observed) => Planned

/** Brings one proxy to what is planned for it: read, plan, apply. Never rejects but when the signal ends it. */
export async function programProxy(proxy: Proxy, plan: PlanFor, log: Log, signal: AbortSignal): Promise<ProxyResult> {
  for (let race = 1; ; race++) {
    try {
      return await programOnce(proxy, plan, log, signal)
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
      const nothing = { refused: new Map(), heldBack: undefined, notices: [], strays: [], wrote: false }
      return { proxy: proxy.name, problem, ...nothing }
    }
  }
}

async function programOnce(proxy: Proxy, planFor: PlanFor, log: Log, signal: AbortSignal): Promise<ProxyResult> {
  const observed = await proxy.driver.read(signal)
  const { plan, left, heldBack } = planFor(observed)
  if (heldBack !== undefined) log.error({ proxy: proxy.name, code: heldBack.code }, describeProblem(heldBack))
  const outcome = { proxy: proxy.name, problem: undefined, heldBack, notices: observed.notices }
  if (plan.changes.length === 0 && plan.strays.length === 0) {
    if (observed.trouble !== undefined) throw new FairwayError(observed.trouble)
    return { ...outcome, refused: byKey([...left, ...observed.refused]), strays: [], wrote: false }
  }
  const started = performance.now()
  const { refused, wrote } = await proxy.driver.apply(plan, signal)
  if (wrote) logWrite(plan, refused, proxy, performance.now() - started, log)
  return { ...outcome, refused: byKey([...left, ...refused]), strays: wrote ? plan.strays : [], wrote }
}

function logWrite(plan: Plan, refused: readonly Refusal[], proxy: Proxy, tookMs: number, log: Log): void {
  const left = new Set(refused.map(({ key }) => key))
  const done = { ...plan, changes: plan.changes.filter(({ key }) => !left.has(key)) }
  const durationMs = Math.round(tookMs)
  log.info({ proxy: proxy.name, plan: renderPlan(done, proxy.name, MOST_LINES), durationMs }, 'proxy programmed')
}

/** The first of several problems of one frontend counts. */
function byKey(refusals: readonly Refusal[]): ReadonlyMap<FrontendKey, Problem> {
  return new Map(refusals.toReversed().map(({ key, problem }) => [key, problem]))
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
