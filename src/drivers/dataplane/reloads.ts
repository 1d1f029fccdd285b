import { setTimeout as delay } from 'node:timers/promises'
import * as z from 'zod'
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
export function awaitReload(
  client: DataplaneClient,
  options: DataplaneOptions,
  id: string,
  signal: AbortSignal,
): Promise<Ended> {
  const look = async (): Promise<Ended | undefined> => {
    const answer = await client.get(`/reloads/${encodeURIComponent(id)}`, signal)
    if (answer.status === 404) throw new FairwayError(notConfirmed(options, 'does not know of the reload any more'))
    const reload = answer.status === 200 ? reloadShape.safeParse(jsonOf(answer.body)).data : undefined
    if (reload === undefined) throw new FairwayError(answerProblem(options, answer.status, answer.body))
    if (reload.status === 'failed') return { status: 'failed', text: reload.response ?? '' }
    return reload.status === 'succeeded' ? { status: 'succeeded' } : undefined
  }
  return lookUntil(look, options, signal)
}

/** Waits until no reload is due or under way, whoever caused it. */
export async function awaitReloads(
  client: DataplaneClient,
  options: DataplaneOptions,
  signal: AbortSignal,
): Promise<void> {
  const look = async (): Promise<true | undefined> => {
    const answer = await client.get('/reloads', signal)
    const reloads = answer.status === 200 ? z.array(reloadShape).safeParse(jsonOf(answer.body)).data : undefined
    if (reloads === undefined) throw new FairwayError(answerProblem(options, answer.status, answer.body))
    return reloads.every(({ status }) => status !== 'in_progress') ? true : undefined
  }
  await lookUntil(look, options, signal)
}

/** Looks again and again until there is something to see. Throws WriteNotConfirmed where that takes longer than a reload may. */
async function lookUntil<Seen>(
  look: () => Promise<Seen | undefined>,
  options: DataplaneOptions,
  signal: AbortSignal,
): Promise<Seen> {
  const { reloadTimeoutMs } = options
  const deadline = performance.now() + reloadTimeoutMs
  for (;;) {
    const seen = await look()
    if (seen !== undefined) return seen
    if (performance.now() > deadline)
      throw new FairwayError(notConfirmed(options, `HAProxy did not reload within ${reloadTimeoutMs} ms`))
    await delay(POLL_MS, undefined, { signal })
  }
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    // Something else answers at that URL.
    return dataplaneText(body)
  }
}
