import { describeEndpoint, type Endpoint } from '../../http/endpoint.ts'
import { oneLine, type Program, unreachable } from '../../http/failures.ts'
import { EDGE_ERRORS, type EdgeError, errorSchema } from '../../model/edge-wire.ts'
import type { Problem } from '../../model/problems.ts'

/** What a failed request is explained with. */
export const EDGE: Program = {
  name: 'fairway edge',
  listen: "`listen` in the edge's configuration",
  credentials: 'Check tokenFile, or certFile and keyFile, against "fairway edge token list" on the proxy',
  judgesCertificates: false,
}

/** Turns an answer that is not what was asked for into the problem it stands for. `table` is the one that was asked for, `cluster/class`. */
export function answerProblem(endpoint: Endpoint, table: string, status: number, body: string): Problem {
  const error = readError(body)
  if (error === undefined) {
    const what = `something that is not fairway edge answers with status ${status}`
    return unreachable(endpoint, what, `Check scheme, host and port of the URL against ${EDGE.listen}`)
  }
  const say = (code: Problem['code'], kind: Problem['kind'], remedy = error.remedy): Problem => {
    const message = `${describeEndpoint(endpoint)} answers for ${table}: ${oneLine(error.message)}`
    return { code, kind, message, remedy: oneLine(remedy) }
  }
  switch (status) {
    case EDGE_ERRORS.Unauthorized:
    case EDGE_ERRORS.Forbidden:
      return say('ProxyUnauthorized', 'terminal', EDGE.credentials)
    case EDGE_ERRORS.OwnerConflict:
      return error.code === 'StaleWriter' ? say('LeaseLost', 'transient') : say('OwnerConflict', 'terminal')
    case EDGE_ERRORS.RevisionConflict:
      return say('RevisionConflict', 'transient')
    // EngineUnreachable too: nothing is known of what is served, and nobody has rejected anything.
    case EDGE_ERRORS.Busy:
      return say('ProxyUnreachable', 'transient')
    default:
      return say('ProxyRejected', status >= 500 ? 'transient' : 'terminal')
  }
}

/** Whether an edge answers that there is no such table. */
export function isNotFound(status: number, body: string): boolean {
  return status === EDGE_ERRORS.NotFound && readError(body)?.code === 'NotFound'
}

function readError(body: string): EdgeError | undefined {
  try {
    return errorSchema.safeParse(JSON.parse(body)).data
  } catch {
    // Not JSON: a gateway's page, or another program.
    return undefined
  }
}
