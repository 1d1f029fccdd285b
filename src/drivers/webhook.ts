import type { Applied, Driver, Observed, Plan } from '../model/driver.ts'
import { FairwayError } from '../model/problems.ts'
import type { FrontendKey } from '../model/table.ts'
import { wantedTable } from './edge/wanted.ts'
import { assignPorts } from './webhook/assign.ts'
import { webhookCapabilities } from './webhook/capabilities.ts'
import { createWebhookClient } from './webhook/client.ts'
import { readKey } from './webhook/closing.ts'
import { createHands } from './webhook/hands.ts'
import { Ledger } from './webhook/ledger.ts'
import type { WebhookOptions } from './webhook/options.ts'

/**
 * Calls an installation of adnanh/webhook as the clients of poor-mans-k8s-lb do, so that a script there opens ports on HAProxy. Nothing can be read back and
 * what came of a call is not told: what was sent is taken for what is there, and sent again now and then. After a restart all of it is sent, and what
 * Services hold by their records and no longer want is closed.
 */
export function createWebhookDriver(options: WebhookOptions): Driver {
  const client = createWebhookClient(options)
  const ledger = new Ledger(options.resendMs)
  const hands = createHands(client, ledger, options)
  const capabilities = webhookCapabilities(options.sendProxy)

  async function read(signal: AbortSignal): Promise<Observed> {
    await client.knock(signal)
    const { revision, table, holders } = ledger
    const { refused, notices } = assignPorts(table, holders, options)
    return {
      revision,
      table,
      drifted: ledger.drifted(performance.now()),
      listeners: [],
      siblings: [],
      refused: [...refused, ...hands.failed],
      notices,
      trouble: undefined,
      capabilities,
    }
  }

  async function apply(plan: Plan, signal: AbortSignal): Promise<Applied> {
    const before = ledger.revision
    if (plan.observed.revision !== before) throw raced(options)
    const wanted = wantedTable(plan.table, plan.keep, ledger.table)
    const assigned = assignPorts(wanted, ledger.holders, options)
    const failure = await hands.close(plan, assigned, signal)
    await hands.open(plan, assigned, signal)
    if (failure !== undefined) throw failure
    const wrote = ledger.revision !== before
    ledger.setTable(wanted)
    return { refused: [...assigned.refused, ...hands.failed], wrote }
  }

  return {
    capabilities,
    recall: (keys) => ledger.recall(new Set([...keys].filter((key) => isDeclared(key, options)))),
    read,
    preview: async (plan) => assignPorts(plan.table, ledger.holders, options).refused,
    apply,
    close: () => client.close(),
  }
}

/** Whether a frontend that a Service holds can be what the script has opened. */
function isDeclared(key: FrontendKey, { declares }: WebhookOptions): boolean {
  const place = readKey(key)
  return place !== undefined && declares(place.address)
}

function raced({ proxy }: WebhookOptions): FairwayError {
  return new FairwayError({
    code: 'RevisionConflict',
    kind: 'transient',
    message: `what is known of proxy ${proxy} is another than the one that was planned for`,
    remedy: 'Wait for the next pass',
  })
}
