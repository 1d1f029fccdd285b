import type { Plan, Refusal } from '../../model/driver.ts'
import { FairwayError } from '../../model/problems.ts'
import type { FrontendKey } from '../../model/table.ts'
import type { Assigned } from './assign.ts'
import { type Call, closeCall } from './calls.ts'
import type { WebhookClient } from './client.ts'
import { portsToClose } from './closing.ts'
import type { Ledger } from './ledger.ts'
import type { WebhookOptions } from './options.ts'

/** Has the script open and close ports, and notes in the ledger what was said. */
export interface Hands {
  /** Frontends to which the script has said no, where it says anything. They are sent again with the next pass. */
  readonly failed: readonly Refusal[]
  /** Resolves with the first thing that the script has said no to: all the others are closed all the same. */
  close(plan: Plan, assigned: Assigned, signal: AbortSignal): Promise<FairwayError | undefined>
  /** Opens what is new or may have been lost. */
  open(plan: Plan, assigned: Assigned, signal: AbortSignal): Promise<void>
}

/** Makes them for a client and the ledger that they write into. */
export function createHands(client: Pick<WebhookClient, 'call'>, ledger: Ledger, options: WebhookOptions): Hands {
  const failed = new Map<FrontendKey, Refusal>()

  /** Resolves with what the script has said no to; rejects when it was not asked. */
  async function say(call: Call, signal: AbortSignal): Promise<FairwayError | undefined> {
    try {
      await client.call(call, signal)
      return undefined
    } catch (error) {
      if (error instanceof FairwayError && isNo(error)) return error
      throw error
    }
  }

  return {
    get failed() {
      return [...failed.values()]
    },
    close: async (plan, assigned, signal) => {
      let failure: FairwayError | undefined
      for (const [port, keys] of portsToClose(plan, assigned, ledger.holders)) {
        ledger.begin(port, keys)
        const no = await say(closeCall(port, options), signal)
        if (no === undefined) ledger.closed(keys)
        failure ??= no
        for (const key of keys) failed.delete(key)
      }
      return failure
    },
    open: async ({ observed }, { calls }, signal) => {
      for (const [port, { key, call }] of calls) {
        if (ledger.isSent(port, call) && !observed.drifted.has(key)) continue
        ledger.begin(port, [key])
        const no = await say(call, signal)
        if (no === undefined) ledger.opened(port, key, call, performance.now())
        if (no === undefined) failed.delete(key)
        else failed.set(key, { key, problem: no.problem })
      }
    },
  }
}

/** The script has run and failed. */
function isNo({ problem }: FairwayError): boolean {
  return problem.code === 'ProxyRejected' && problem.kind === 'transient'
}
