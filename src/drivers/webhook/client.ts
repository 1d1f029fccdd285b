import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { request } from 'undici'
import { createAgents } from '../../http/agents.ts'
import { requestError } from '../../http/failures.ts'
import { errorText, FairwayError } from '../../model/problems.ts'
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

export function createWebhookClient(options: WebhookOptions): WebhookClient {
  const agents = createAgents(options)
  const paced = createPace(options.spacingMs)
  const { origin } = new URL(options.url)

  async function settle<T>(work: (limit: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await work(AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]))
    } catch (error) {
      signal.throwIfAborted()
      throw requestError(options, WEBHOOK, options.timeoutMs, error)
    }
  }

  async function send(call: Call, signal: AbortSignal): Promise<void> {
    const headers = {
      'user-agent': options.userAgent ?? 'fairway',
      'content-type': 'application/json',
      [options.header]: await readToken(options),
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
    const problem = judgeAnswer(options, answer.statusCode, answer.headers['content-type'], await answer.body.text())
    if (problem !== undefined) throw new FairwayError(problem)
  }

  return {
    knock: (signal) =>
      settle(async (limit) => {
        const answer = await request(`${origin}/`, { dispatcher: await agents.current(), signal: limit })
        await answer.body.dump()
      }, signal),
    call: (call, signal) => paced(() => settle((limit) => send(call, limit), signal), signal),
    close: () => agents.close(),
  }
}

/** Runs work not sooner than a pause after the work before: also after work that failed, of which nobody knows what it has begun. */
function createPace(pauseMs: number) {
  let freeAt = 0
  return async <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    const waitMs = freeAt - performance.now()
    if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted())
    return work().finally(() => {
      freeAt = performance.now() + pauseMs
    })
  }
}

/** Read for every call: a token is rotated by changing its Secret. */
async function readToken({ proxy, tokenFile }: WebhookOptions): Promise<string> {
  const remedy = 'Correct the path, or mount the Secret that has the file'
  try {
    const token = (await readFile(tokenFile, 'utf8')).trim()
    if (/^[\x21-\x7e]+$/.test(token)) return token
  } catch (error) {
    const message = `tokenFile of proxy ${proxy} cannot be read: ${errorText(error)}`
    throw new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy }, error)
  }
  const message = `tokenFile of proxy ${proxy} holds no token: ${tokenFile}`
  throw new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy })
}
