import { CADDY_CAPABILITIES } from '../caddy/capabilities.ts'
import { createAdminClient } from '../caddy/client.ts'
import { revisionConflict } from '../http/failures.ts'
import type { Applied, Driver, Observed, Plan, Refusal } from '../model/driver.ts'
import { FairwayError } from '../model/problems.ts'
import { checkOwner } from '../model/server-names.ts'
import { createAdopter } from './caddy/adopt.ts'
import { type Applier, applyPlan, previewPlan } from './caddy/apply.ts'
import type { CaddyOptions } from './caddy/options.ts'
import { createFaultFinder } from './caddy/preflight.ts'
import { createQuarantine } from './caddy/quarantine.ts'
import { createRenderer } from './caddy/rendering.ts'
import { createReader, type Snapshot } from './caddy/snapshot.ts'
import { createDial, type Dial } from './common/probe.ts'
import { createResolver } from './common/wanted.ts'

/**
 * Programs a Caddy with the layer4 app through its admin API. Ours are the servers in `apps.layer4.servers` that bear the owner's name as key and
 * `@id`; all else there stays as it is. `dial` is for tests.
 */
export function createCaddyDriver(options: CaddyOptions, dial: Dial = createDial(options.timeoutMs)): Driver {
  checkOwner(options.owner)
  const client = createAdminClient(options)
  const reader = createReader(client, options)
  const applier: Applier = {
    options,
    client,
    reader,
    dial,
    quarantine: createQuarantine(options.proxy),
    findFault: createFaultFinder(),
    resolve: createResolver(options.listen),
    renderer: createRenderer(options),
  }
  let last: Snapshot | undefined

  async function read(signal: AbortSignal): Promise<Observed> {
    last = await reader.read(signal)
    return last.observed
  }

  async function apply(plan: Plan, signal: AbortSignal): Promise<Applied> {
    if (plan.changes.length === 0 && plan.strays.length === 0) return { refused: [], wrote: false }
    const snapshot = last ?? (await reader.read(signal))
    if (snapshot.observed.revision !== plan.observed.revision)
      throw new FairwayError(revisionConflict(options, 'Caddy'))
    const applied = await applyPlan(applier, snapshot, plan, signal)
    const { changes, strays } = plan
    if (applied.wrote) {
      options.log.info({ proxy: options.proxy, changes: changes.length, strays: strays.length }, 'wrote servers')
    }
    return applied
  }

  async function preview(plan: Plan, signal: AbortSignal): Promise<readonly Refusal[]> {
    const snapshot = last ?? (await reader.read(signal))
    return previewPlan(applier, snapshot, plan, signal)
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
