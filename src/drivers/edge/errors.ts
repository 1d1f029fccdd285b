import { EDGE_ERRORS, type EdgeError, errorSchema } from '../../model/edge-wire.ts'
import type { Problem } from '../../model/problems.ts'
import { describeEndpoint, type Endpoint } from '../http/endpoint.ts'

/** Turns an answer that is not what was asked for into the problem it stands for. */
export function answerProblem(endpoint: Endpoint, status: number, body: string): Problem {
  const who = describeEndpoint(endpoint)
  const error = readError(body)
  if (error === undefined) {
    const message = `${who} cannot be reached: something that is not fairway edge answers with status ${status}`
    const remedy = "Check scheme, host and port of the URL against `listen` in the edge's configuration"
    return { code: 'ProxyUnreachable', kind: 'transient', message, remedy }
  }
  const say = (code: Problem['code'], kind: Problem['kind']): Problem => {
    return { code, kind, message: `${who}: ${error.message}`, remedy: error.remedy }
  }
  if (error.code === 'OwnerConflict') return say('OwnerConflict', 'terminal')
  if (error.code === 'StaleWriter') return say('LeaseLost', 'transient')
  if (status === EDGE_ERRORS.RevisionConflict) return say('RevisionConflict', 'transient')
  if (status === EDGE_ERRORS.Unauthorized || status === EDGE_ERRORS.Forbidden)
    return say('ProxyUnauthorized', 'terminal')
  if (status === EDGE_ERRORS.Busy) return say('ProxyUnreachable', 'transient')
  return say('ProxyRejected', status >= 500 ? 'transient' : 'terminal')
}

function readError(body: string): EdgeError | undefined {
  try {
    return errorSchema.safeParse(JSON.parse(body)).data
  } catch {
    // Not JSON: a gateway's page, or another program.
    return undefined
  }
}
