import type { Applied, Capabilities, Driver, Observed, Plan } from '../model/driver.ts'
import { FairwayError } from '../model/problems.ts'
import { applyPlan } from './caddy/apply.ts'
import { createAdminClient } from './caddy/client.ts'
import { revisionConflict } from './caddy/errors.ts'
import { checkOwner } from './caddy/names.ts'
import type { CaddyOptions } from './caddy/options.ts'
import { createDial, type Dial } from './caddy/probe.ts'
import { createQuarantine } from './caddy/quarantine.ts'
import { readSnapshot, type Snapshot } from './caddy/snapshot.ts'

/** What Caddy does with caddy-l4 v0.1.0 or later. Left out is what is broken there: `least_conn`, `max_connections`, checks on another port. */
export const CADDY_CAPABILITIES: Capabilities = {
  protocols: ['TCP', 'UDP'],
  // On UDP, a header in front of every datagram.
  proxyProtocol: { TCP: ['off', 'v1', 'v2'], UDP: ['off', 'v2'] },
  balance: ['round-robin', 'source', 'random'],
  healthCheck: ['off', 'tcp'],
  sourceRanges: true,
  hosts: false,
  maxConnections: false,
  idleTimeout: ['UDP'],
}

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
    last = await readSnapshot(client, options, signal)
    return last.observed
  }

  async function apply(plan: Plan, signal: AbortSignal): Promise<Applied> {
    if (plan.changes.length === 0) return { refused: [], wrote: false }
    const snapshot = last ?? (await readSnapshot(client, options, signal))
    if (snapshot.observed.revision !== plan.observed.revision) throw new FairwayError(revisionConflict(options))
    const applied = await applyPlan({ options, client, quarantine, dial }, snapshot, plan, signal)
    if (applied.wrote) options.log.info({ proxy: options.proxy, changes: plan.changes.length }, 'wrote servers')
    return applied
  }

  return { capabilities: CADDY_CAPABILITIES, read, apply, close: () => client.close() }
}
