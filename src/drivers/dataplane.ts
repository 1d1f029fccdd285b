import { HAPROXY_CAPABILITIES } from '../haproxy/capabilities.ts'
import { revisionConflict } from '../http/failures.ts'
import type { Applied, Driver, Observed, Plan } from '../model/driver.ts'
import { FairwayError } from '../model/problems.ts'
import { createRests } from '../model/rests.ts'
import { checkOwner } from '../model/server-names.ts'
import { keysOf } from '../model/table.ts'
import { createDial, type Dial } from './common/probe.ts'
import { createAdopter } from './dataplane/adopt.ts'
import { applyPlan } from './dataplane/apply.ts'
import { createDataplaneClient } from './dataplane/client.ts'
import type { DataplaneOptions } from './dataplane/options.ts'
import { readSnapshot, type Snapshot } from './dataplane/snapshot.ts'

/** Codes of a commit of which it is not known how it ended: the API may have forgotten the reload that was due. */
const UNKNOWN = new Set(['ProxyUnreachable', 'WriteNotConfirmed'])

/**
 * Programs HAProxy through its Data Plane API v3. Ours are the sections that bear the owner's name and, in their metadata, the cluster's UID; all else
 * in the configuration stays as it is. `dial` is for tests.
 */
export function createDataplaneDriver(options: DataplaneOptions, dial: Dial = createDial(options.timeoutMs)): Driver {
  checkOwner(options.owner)
  const client = createDataplaneClient(options)
  const rests = createRests()
  let last: Snapshot | undefined
  let unconfirmed = false

  async function read(signal: AbortSignal): Promise<Observed> {
    last = await readSnapshot(client, options, signal)
    const { observed } = last
    // HAProxy may run another configuration than the file has: with all of it to be written again, it is reloaded.
    return unconfirmed ? { ...observed, drifted: observed.drifted.union(keysOf(observed.table)) } : observed
  }

  async function apply(plan: Plan, signal: AbortSignal): Promise<Applied> {
    if (plan.changes.length === 0 && plan.strays.length === 0) return { refused: [], wrote: false }
    const snapshot = last ?? (await readSnapshot(client, options, signal))
    if (snapshot.observed.revision !== plan.observed.revision)
      throw new FairwayError(revisionConflict(options, 'HAProxy'))
    try {
      const applied = await applyPlan({ client, options, dial, rests }, snapshot, plan, unconfirmed, signal)
      if (applied.wrote) unconfirmed = false
      const { changes, strays } = plan
      if (applied.wrote)
        options.log.info({ proxy: options.proxy, changes: changes.length, strays: strays.length }, 'wrote sections')
      return applied
    } catch (error) {
      unconfirmed ||= error instanceof FairwayError && UNKNOWN.has(error.problem.code)
      throw error
    }
  }

  return {
    capabilities: HAPROXY_CAPABILITIES,
    read,
    apply,
    ...createAdopter(client, options),
    close: () => client.close(),
  }
}
