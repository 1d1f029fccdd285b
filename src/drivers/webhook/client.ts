import { setTimeout as delay } from 'node:timers/promises'
import { request } from 'undici'
import { createAgents } from '../../http/agents.ts'
import { createAsker } from '../../http/asker.ts'
import { readTokenFile } from '../../http/secret-files.ts'
import { FairwayError } from '../../model/problems.ts'
import type { Call } from './calls.ts'
import { judgeAnswer, WEBHOOK } from './errors.ts'
import type { WebhookOptions } from './options.ts'

/** adnanh/webhook, as far as it tells anything. What fails is thrown as a FairwayError. */
export interface WebhookClient {
  /** Resolves when somebody answers at the URL's host and port. Calls nothing. */
  knock(signal: AbortSignal): Promise<void>
  /** Resolves when the call is taken, which says nothing of what the script makes of it. To be awaited before the next one, which waits a while. */
  call(call: Call, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** Makes a client. Calls are at least `spacingMs` apart. */
export function createWebhookClient(options: WebhookOptions): WebhookClient {
  const agents = createAgents(options)
  const asker = createAsker(options, WEBHOOK)
  const spaced = createSpacing(options.spacingMs)
  const { origin } = new URL(options.url)

  async function send(call: Call, signal: AbortSignal): Promise<void> {
    const token = await readTokenFile(options.proxy, options.tokenFile)
    const headers = {
      'user-agent': options.userAgent ?? 'fairway',
      'content-type': 'application/json',
      [options.header]: token,
    }
    const dispatcher = await agents.current()
    // The last moment at which a process that was stopped for a while can notice.
    options.fence?.()
    const answer = await request(options.url, {
      method: 'POST',
      headers,
      body: JSON.stringify(call),
      dispatcher,
      signal,
    })
    // The token has no form of its own: what the script says back goes to logs and Events.
    const text = (await answer.body.text()).replaceAll(token, '…')
    const problem = judgeAnswer(options, answer.statusCode, answer.headers['content-type'], text)
    if (problem !== undefined) throw new FairwayError(problem)
  }

  return {
    knock: (signal) =>
      asker.once(async (limit) => {
        const answer = await request(`${origin}/`, { dispatcher: await agents.current(), signal: limit })
        await answer.body.dump()
      }, signal),
    call: (call, signal) => spaced(() => asker.once((limit) => send(call, limit), signal), signal),
    close: () => agents.close(),
  }
}

/** Runs work not sooner than a pause after the work before: also after work that failed, of which nobody knows what it has begun. */
function createSpacing(pauseMs: number) {
  let freeAt = 0
  return async <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    const waitMs = freeAt - performance.now()
    if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted())
    return work().finally(() => {
      freeAt = performance.now() + pauseMs
    })
  }
}
