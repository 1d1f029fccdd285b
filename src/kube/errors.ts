import { errorText, FairwayError, type Problem } from '../model/problems.ts'
import { hideSecrets } from '../model/secrets.ts'

/** One cause of a `Status` (meta/v1), such as `FieldValueInvalid` at `metadata.uid`. */
export interface StatusCause {
  readonly reason?: string
  readonly message?: string
  readonly field?: string
}

/** A failure as the API server tells it: the `Status` object of meta/v1, in an answer or in a watch's ERROR event. */
export interface Status {
  readonly code?: number
  readonly reason?: string
  readonly message?: string
  readonly details?: { readonly retryAfterSeconds?: number; readonly causes?: readonly StatusCause[] }
}

/** The API server answered, and the answer was no. Where it could not be asked at all, a plain FairwayError `ApiUnreachable` is thrown. */
export class ApiError extends FairwayError {
  /** HTTP status. */
  readonly status: number
  /** Machine-readable reason of the `Status`, e.g. `Conflict`; empty where none was sent. */
  readonly reason: string
  readonly causes: readonly StatusCause[]
  /** What the server asked us to wait, if it did. */
  readonly retryAfterMs: number | undefined

  constructor(problem: Problem, status: number, body: Status, retryAfterMs: number | undefined) {
    super(problem)
    this.name = 'ApiError'
    this.status = status
    this.reason = body.reason ?? ''
    this.causes = body.details?.causes ?? []
    this.retryAfterMs = retryAfterMs
  }
}

/** What was asked, in the words of RBAC. */
export interface Asked {
  readonly verb: string
  readonly group: string
  /** With its subresource: `services/status`. */
  readonly resource: string
}

const VERBS: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }

/** Reads RBAC's words off a request (authorization.k8s.io: request verbs). */
export function describeRequest(method: string, path: string, query: Readonly<Record<string, unknown>> = {}): Asked {
  const parts = path.split('/').filter((part) => part !== '')
  const group = parts[0] === 'apis' ? (parts[1] ?? '') : ''
  const rest = parts.slice(parts[0] === 'apis' ? 3 : 2)
  const scoped = rest[0] === 'namespaces' && rest.length > 2 ? rest.slice(2) : rest
  const [type = path, name, subresource] = scoped
  const read = query.watch === true ? 'watch' : name === undefined ? 'list' : 'get'
  return { verb: VERBS[method] ?? read, group, resource: subresource === undefined ? type : `${type}/${subresource}` }
}

/** Makes the error for an answer that is not 2xx, or for a watch's ERROR event. */
export function answerError(asked: Asked, status: number, body: Status, retryAfterHeader?: string): ApiError {
  const seconds = Number(retryAfterHeader ?? body.details?.retryAfterSeconds ?? Number.NaN)
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined
  return new ApiError(answerProblem(asked, status, body), status, body, retryAfterMs)
}

/** The request was understood, and its content is what was refused: malformed, of an older state, or invalid (metav1.StatusReason). */
const REJECTED: ReadonlySet<number> = new Set([400, 409, 422])
const VERSIONS_REMEDY = 'Compare the versions of Fairway and of the API server'
const REJECTED_REMEDY = `${VERSIONS_REMEDY}, and look for an admission policy that refuses the request`

function answerProblem({ verb, group, resource }: Asked, status: number, body: Status): Problem {
  const said = hideSecrets(body.message ?? '').replace(/\.$/, '')
  const what = `${verb} of ${resource}`
  if (status === 401) {
    return {
      code: 'ApiForbidden',
      kind: 'transient',
      message: `The API server does not accept our credentials (${what}${said === '' ? '' : `: ${said}`})`,
      remedy: 'Check the token, certificate or exec plugin that Fairway runs with',
    }
  }
  if (status === 403) {
    return {
      code: 'ApiForbidden',
      kind: 'terminal',
      message: `The API server forbids ${what}${said === '' ? '' : `: ${said}`}`,
      remedy: `Add {apiGroups: ["${group}"], resources: ["${resource}"], verbs: ["${verb}"]} to the rules of Fairway's role`,
    }
  }
  const rejected = REJECTED.has(status)
  const passing = status >= 500 || status === 429 || status === 409 || status === 410
  return {
    code: rejected ? 'ApiRejected' : 'ApiUnreachable',
    kind: passing ? 'transient' : 'terminal',
    message: `The API server answered ${status} to ${what}${said === '' ? '' : `: ${said}`}`,
    remedy: passing ? 'Wait: it is tried again' : rejected ? REJECTED_REMEDY : VERSIONS_REMEDY,
  }
}

/** The API server could not be asked, or its answer broke off. */
export function unreachable(server: string, why: unknown): FairwayError {
  const text = errorText(why)
  return new FairwayError(
    {
      code: 'ApiUnreachable',
      kind: 'transient',
      message: `The API server at ${server} cannot be reached: ${text}`,
      remedy: UNTRUSTED.test(text)
        ? 'Check certificate-authority and server in the kubeconfig: another authority signed its certificate, or it is for another name'
        : 'Check that it runs and that a firewall or proxy lets us through; it is tried again',
    },
    why,
  )
}

/** Codes of Node's TLS for a certificate that is somebody else's. */
const UNTRUSTED = /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_SIGNATURE_FAILURE|ALTNAME_INVALID/

/** Credentials could not be prepared: a missing file, a failing exec plugin. */
export function credentialsBroken(why: unknown): FairwayError {
  return new FairwayError(
    {
      code: 'ApiForbidden',
      kind: 'transient',
      message: `The credentials for the API server cannot be read: ${errorText(why).trim()}`,
      remedy: 'Check the files and the exec plugin that the kubeconfig names',
    },
    why,
  )
}

/** Whether a resource version is too old to continue from (client-go: isExpiredError). */
export function isExpired(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone')
}

/** Whether a resource version lies in the server's future, as after a restored backup (client-go: isTooLargeResourceVersionError). */
export function isTooNew(error: unknown): boolean {
  return error instanceof ApiError && error.causes.some((cause) => cause.reason === 'ResourceVersionTooLarge')
}
