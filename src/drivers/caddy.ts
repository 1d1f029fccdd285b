import { CADDY_CAPABILITIES } from '../caddy/capabilities.ts'
import { createAdminClient } from '../caddy/client.ts'
import { revisionConflict } from '../http/failures.ts'
import type { Applied, Driver, Observed, Plan, Refusal } from '../model/driver.ts'
import { FairwayError } from '../model/problems.ts'
import { checkOwner } from '../model/server-names.ts'
import { createAdopter } from './caddy/adopt.ts'
import { applyPlan, previewPlan } from './caddy/apply.ts'
import type { CaddyOptions } from './caddy/options.ts'
import { createQuarantine } from './caddy/quarantine.ts'
import { readSnapshot, type Snapshot } from './caddy/snapshot.ts'
import { createDial, type Dial } from './common/probe.ts'

/**
 * Programs a Caddy with the layer4 app through its admin API. Ours are the servers in `apps.layer4.servers` that bear the owner's name as key and
 * `@id`; all else there stays as it is. `dial` is for tests.
 */
export function createCaddyDriver(options: CaddyOptions, dial: Dial = createDial(options.timeoutMs)): Driver {
  checkOwner(options.owner)
  const client = createAdminClient(options)
  const quarantine = createQuarantine(options.proxy)
  let last: Snapshot | undefined

  async function read(signal: AbortSignal): Promise<Observed> {
    last = await readSnapshot(client, options, last, signal)
    return last.observed
  }

  async function apply(plan: Plan, signal: AbortSignal): Promise<Applied> {
    if (plan.changes.length === 0 && plan.strays.length === 0) return { refused: [], wrote: false }
    const snapshot = last ?? (await readSnapshot(client, options, undefined, signal))
    if (snapshot.observed.revision !== plan.observed.revision)
      throw new FairwayError(revisionConflict(options, 'Caddy'))
    const applied = await applyPlan({ options, client, quarantine, dial }, snapshot, plan, signal)
    const { changes, strays } = plan
    if (applied.wrote) {
      options.log.info({ proxy: options.proxy, changes: changes.length, strays: strays.length }, 'wrote servers')
    }
    return applied
  }

  async function preview(plan: Plan, signal: AbortSignal): Promise<readonly Refusal[]> {
    const snapshot = last ?? (await readSnapshot(client, options, undefined, signal))
    return previewPlan({ options, quarantine, dial }, snapshot, plan, signal)
  }

  return {
    capabilities: CADDY_CAPABILITIES,
    read,
    apply,
    preview,
    ...createAdopter(client, options),
    close: () => client.close(),
  }
}
