import * as z from 'zod'
import { errorText, FairwayError } from '../../model/problems.ts'
import type { DataplaneClient } from './client.ts'
import { answerProblem, dataplaneText, notConfirmed, rejected } from './errors.ts'
import { type Operation, pathOf } from './operations.ts'
import type { DataplaneOptions } from './options.ts'
import { awaitReload, type Ended } from './reloads.ts'
import { parse } from './snapshot.ts'

const CLEANUP_MS = 2_000

const begun = z.object({ id: z.string().regex(/^[\w-]+$/) })

/**
 * Carries operations out in one transaction that begins with a version of the configuration, and waits for the end of the reload that it causes. Throws
 * where nothing was committed, or nothing is known of that: then with `WriteNotConfirmed` or `ProxyUnreachable`.
 */
export async function commitOperations(
  client: DataplaneClient,
  options: DataplaneOptions,
  version: number,
  operations: readonly Operation[],
  signal: AbortSignal,
): Promise<Ended> {
  const { id } = parse(
    options,
    begun,
    await client.write('POST', `/transactions?version=${version}`, undefined, signal),
  )
  let sent = false
  try {
    for (const operation of operations) {
      const answer = await client.write(operation.method, pathOf(operation, id), operation.body, signal)
      if (answer.status >= 300) throw new FairwayError(operationProblem(options, operation, answer.status, answer.body))
    }
    sent = true
    const answer = await client.write('PUT', `/transactions/${id}`, undefined, signal)
    if (answer.status >= 300) {
      sent = false
      throw new FairwayError(answerProblem(options, answer.status, answer.body))
    }
    if (answer.reloadId === undefined) throw new FairwayError(notConfirmed(options, 'names no reload for it'))
    return await awaitReload(client, options, answer.reloadId, signal)
  } finally {
    if (!sent) await discard(client, options, id)
  }
}

/** Not ended by the caller's signal: a transaction that stays open counts against the API's limit of 20. */
async function discard(client: DataplaneClient, options: DataplaneOptions, id: string): Promise<void> {
  const { proxy, log } = options
  const limit = AbortSignal.timeout(CLEANUP_MS)
  await client.write('DELETE', `/transactions/${id}`, undefined, limit).catch((error: unknown) => {
    log.debug({ proxy, id }, `a transaction stays open: ${errorText(error)}`)
  })
}

/** What the API has against one section is ours to mend, and no lost race but where the section is not as we read it. */
function operationProblem(
  options: DataplaneOptions,
  { kind, name, body: section }: Operation,
  status: number,
  body: string,
) {
  const problem = answerProblem(options, status, body)
  if (problem.code !== 'ProxyRejected') return problem
  const text = `${kind} ${name ?? section?.name}: ${dataplaneText(body)}`
  return rejected(options, text, problem.kind)
}
