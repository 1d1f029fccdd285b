import type { ServiceObject } from '../kube/objects.ts'
import { errorText, FairwayError, type Problem } from '../model/problems.ts'
import { serviceName } from '../model/table.ts'
import type { Log } from './interfaces.ts'

/** Runs one write to a Service. A failure is logged, left to a later pass, and returned. Rejects when the signal ends it. */
export async function attempt(
  write: () => Promise<unknown>,
  service: ServiceObject,
  what: string,
  log: Log,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  try {
    await write()
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    const problem: Problem =
      error instanceof FairwayError
        ? error.problem
        : {
            code: 'ApiUnreachable',
            kind: 'transient',
            message: errorText(error),
            remedy: 'See the log of the operator',
          }
    log.warn({ service: serviceName(service.metadata), code: problem.code, err: error }, `${what}: ${problem.message}`)
    return problem
  }
}
