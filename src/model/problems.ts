/**
 * Everything that can be wrong, as values. A code is stable: users write alerts on it and it appears as Event reason,
 * condition reason and, behind our prefix, as `status.loadBalancer.ingress[].ports[].error`.
 */
export type ProblemCode =
  // what a Service asks for
  | 'AddressInvalid'
  | 'AddressLeftPools'
  | 'AddressOutsidePools'
  | 'AnnotationInvalid'
  | 'AnnotationUnknown'
  | 'ClassConflict'
  | 'ClassForbidden'
  | 'ClassUnknown'
  | 'FamilyUnavailable'
  | 'HostReserved'
  | 'HostTaken'
  | 'NodePortMissing'
  | 'PoolExhausted'
  | 'PoolUnknown'
  | 'PortDenied'
  | 'PortReserved'
  | 'PortTaken'
  | 'ProtocolUnsupported'
  | 'QuotaExceeded'
  | 'TypeUnsupported'
  | 'Unsupported'
  // what the nodes give
  | 'NoTargets'
  | 'SingleTarget'
  | 'TargetRefused'
  // what a proxy answers
  | 'AddressNotOnProxy'
  | 'OwnerConflict'
  | 'ProxyLayer4Missing'
  | 'ProxyRejected'
  | 'ProxyUnauthorized'
  | 'ProxyUnreachable'
  | 'RevisionConflict'
  | 'WriteNotConfirmed'
  // the cluster and our own configuration
  | 'ApiForbidden'
  | 'ApiRejected'
  | 'ApiUnreachable'
  | 'ConfigInvalid'
  | 'LeaseLost'
  | 'RecordUnreadable'
  | 'RemovalHeld'
  | 'StatusContested'

/** How a problem goes away: by itself (transient), only when somebody changes something (terminal), never on this proxy (unsupported). */
export type ProblemKind = 'transient' | 'terminal' | 'unsupported'

export interface Problem {
  readonly code: ProblemCode
  readonly kind: ProblemKind
  /** One sentence without a final stop that names the object. Stable: no times, counters or ephemeral ports in it. */
  readonly message: string
  /** One sentence in the imperative that says what to do. */
  readonly remedy: string
}

/** A problem that ends the work at hand. The value travels in `problem`; `cause` keeps what lies beneath. */
export class FairwayError extends Error {
  readonly problem: Problem

  constructor(problem: Problem, cause?: unknown) {
    super(describeProblem(problem), cause === undefined ? undefined : { cause })
    this.name = 'FairwayError'
    this.problem = problem
  }
}

/** Renders a problem for people: `message. Remedy.` */
export function describeProblem(problem: Problem): string {
  return `${problem.message}. ${problem.remedy}`
}

/** The text of anything that was thrown, for logs and messages. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return code !== undefined && !error.message.includes(code) ? `${error.message} (${code})` : error.message
}
