import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { FairwayError } from '../../model/problems.ts'
import type { DataplaneClient } from './client.ts'
import { answerProblem, dataplaneText, notConfirmed } from './errors.ts'
import type { DataplaneOptions } from './options.ts'

const POLL_MS = 200

const reloadShape = z.object({
  status: z.enum(['in_progress', 'succeeded', 'failed']),
  response: z.string().optional(),
})

/** How a reload ended: `failed` has HAProxy's words, or those of the API's reload command. */
export type Ended = { readonly status: 'succeeded' } | { readonly status: 'failed'; readonly text: string }

/** Waits until a reload has ended. Throws where that is not told in time, or the API was restarted and knows of none. */
export async function awaitReload(
  client: DataplaneClient,
  options: DataplaneOptions,
  id: string,
  signal: AbortSignal,
): Promise<Ended> {
  const deadline = performance.now() + options.reloadTimeoutMs
  for (;;) {
    const answer = await client.get(`/reloads/${encodeURIComponent(id)}`, signal)
    if (answer.status === 404) throw new FairwayError(notConfirmed(options, 'does not know of the reload any more'))
    const reload = reloadOf(answer.body)
    if (answer.status !== 200 || reload === undefined)
      throw new FairwayError(answerProblem(options, answer.status, answer.body))
    if (reload.status === 'succeeded') return { status: 'succeeded' }
    if (reload.status === 'failed') return { status: 'failed', text: reload.response ?? '' }
    if (performance.now() > deadline) throw late(options)
    await delay(POLL_MS, undefined, { signal })
  }
}

/** Waits until no reload is due or under way, whoever caused it. */
export async function awaitReloads(
  client: DataplaneClient,
  options: DataplaneOptions,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + options.reloadTimeoutMs
  for (;;) {
    const answer = await client.get('/reloads', signal)
    const reloads = answer.status === 200 ? z.array(reloadShape).safeParse(jsonOf(answer.body)).data : undefined
    if (reloads === undefined) throw new FairwayError(answerProblem(options, answer.status, answer.body))
    if (reloads.every(({ status }) => status !== 'in_progress')) return
    if (performance.now() > deadline) throw late(options)
    await delay(POLL_MS, undefined, { signal })
  }
}

function reloadOf(body: string): z.output<typeof reloadShape> | undefined {
  return reloadShape.safeParse(jsonOf(body)).data
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    // Something else answers at that URL.
    return dataplaneText(body)
  }
}

function late(options: DataplaneOptions): FairwayError {
  return new FairwayError(notConfirmed(options, `HAProxy did not reload within ${options.reloadTimeoutMs} ms`))
}
