import { setTimeout as delay } from 'node:timers/promises'
import { decideAdoption, type Holding } from '../model/adoption.ts'
import type { Adopter } from '../model/driver.ts'
import { FairwayError, type Problem } from '../model/problems.ts'
import type { Owner } from '../model/table.ts'
import type { AdoptedProxy } from '../report/adopt.ts'

/** How long a proxy is tried that does not answer, or whose old operator writes at the same time. */
const PATIENCE_MS = 30_000
const RETRY_MS = 1_000
/** Of writes that were taken, and of which nothing is seen. */
const MOST_WRITES = 5

/**
 * Takes over what a cluster has left on one proxy, and reads back that it is done; without `from` only tells who holds what. Rejects only when the signal
 * ends it.
 */
export async function adoptOn(
  proxy: string,
  driver: Partial<Adopter>,
  owner: Owner,
  from: string | undefined,
  signal: AbortSignal,
): Promise<AdoptedProxy> {
  const nothing = { proxy, keepsMarks: true, holdings: [], adopted: 0, problem: undefined }
  if (!hasMarks(driver)) return { ...nothing, keepsMarks: false }
  if (from !== undefined) return { ...nothing, ...(await takeOver(proxy, driver, owner, from, signal)) }
  try {
    return { ...nothing, holdings: await driver.holdings(signal) }
  } catch (error) {
    return { ...nothing, problem: problemOf(error, signal) }
  }
}

function hasMarks(driver: Partial<Adopter>): driver is Adopter {
  return driver.holdings !== undefined && driver.adopt !== undefined
}

/** Whatever becomes of the answer to a write, what is read after it says whether it is done. */
async function takeOver(
  proxy: string,
  driver: Adopter,
  owner: Owner,
  from: string,
  signal: AbortSignal,
): Promise<Pick<AdoptedProxy, 'holdings' | 'adopted' | 'problem'>> {
  const started = performance.now()
  let holdings: readonly Holding[] = []
  let tried = 0
  for (let writes = 0; ; ) {
    try {
      holdings = await driver.holdings(signal)
      const decision = decideAdoption(holdings, owner, proxy, from)
      if (decision.kind === 'nothing') return { holdings, adopted: tried, problem: undefined }
      if (decision.kind === 'refuse') return { holdings, adopted: tried, problem: decision.problem }
      if (writes >= MOST_WRITES) return { holdings, adopted: 0, problem: unchanged(proxy, from) }
      tried = decision.holding.frontends
      await driver.adopt(from, signal)
      writes++
    } catch (error) {
      const problem = problemOf(error, signal)
      const isLate = performance.now() - started > PATIENCE_MS
      if (isLate || problem.kind !== 'transient') return { holdings, adopted: 0, problem }
      await delay(RETRY_MS, undefined, { signal })
    }
  }
}

/** Throws what is no problem of the proxy's. */
function problemOf(error: unknown, signal: AbortSignal): Problem {
  signal.throwIfAborted()
  if (error instanceof FairwayError) return error.problem
  throw error
}

function unchanged(proxy: string, from: string): Problem {
  return {
    code: 'WriteNotConfirmed',
    kind: 'transient',
    message: `proxy ${proxy} took the new owner several times, and goes on to show UID ${from}`,
    remedy: 'End the operator of the other cluster, or whoever else writes there, and run it again',
  }
}
