import { printable } from '../model/printable.ts'
import { errorText, FairwayError, type Problem } from '../model/problems.ts'
import { hideSecrets } from '../model/secrets.ts'
import { describeEndpoint, type Endpoint } from './endpoint.ts'

const LONGEST_TEXT = 300

/** What remedies name: the program behind the URL, and where it is told what to listen on. */
export interface Program {
  /** `Caddy` */
  readonly name: string
  /** `admin.listen or admin.remote.listen` */
  readonly listen: string
  /** What to check when it does not take our credentials. */
  readonly credentials: string
  /** Whether it ends connections because of our certificate. If not, whoever hangs up has been stopped. */
  readonly judgesCertificates: boolean
}

/** Turns a request that never became an answer into a FairwayError: ProxyUnauthorized or ProxyUnreachable. */
export function requestError(endpoint: Endpoint, program: Program, timeoutMs: number, error: unknown): FairwayError {
  if (error instanceof FairwayError) return error
  const code = codeOf(error)
  if (/ALERT(?!_PROTOCOL_VERSION)/.test(code))
    return new FairwayError(unauthorized(endpoint, program, tlsText(error)), error)
  // TLS 1.3 ends the client's handshake before the server has looked at its certificate; undici shows the alert that follows as a close.
  if (code === 'UND_ERR_SOCKET' && program.judgesCertificates && endpoint.url.startsWith('https:')) {
    const what = 'it hangs up after the TLS handshake, as for a client certificate that it does not take'
    return new FairwayError(unauthorized(endpoint, program, what), error)
  }
  const [what, remedy] = explain(code, error, timeoutMs, program)
  return new FairwayError(unreachable(endpoint, what, remedy), error)
}

/** Codes of a connection that ended before the answer did. */
export const DROPPED: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])
const NO_ANSWER = new Set([
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'TimeoutError',
])

function explain(
  code: string,
  error: unknown,
  timeoutMs: number,
  { name, listen }: Program,
): readonly [what: string, remedy: string] {
  if (NO_ANSWER.has(code))
    return [`no answer within ${timeoutMs} ms`, 'Check that the proxy is up, and firewalls on the way']
  if (code === 'ECONNREFUSED')
    return ['connection refused', `Check that ${name} runs, and that ${listen} is the address in the URL`]
  if (code === 'ENOENT') return ['its socket is not there', `Check that ${name} runs, and the path of its socket`]
  if (code === 'EACCES') return ['this user may not write to its socket', `Let it: by a group that ${name} has as well`]
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return [`its name is not found (${code})`, 'Check the host in the URL, and DNS where Fairway runs']
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH')
    return [`no route to it (${code})`, 'Check routes and firewalls between Fairway and the proxy']
  if (code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED') {
    return [
      `its certificate is not trusted: ${tlsText(error)}`,
      'Compare the clocks of both machines (date); if they are right, give it a new certificate',
    ]
  }
  if (/CERT|SIGNED|SIGNATURE|ISSUER|ALTNAME/.test(code)) {
    return [
      `its certificate is not trusted: ${tlsText(error)}`,
      'Check caFile, and that the certificate is for the host in the URL',
    ]
  }
  if (/UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION/.test(code))
    return [`it does not speak TLS 1.3 (${code})`, 'Let it speak TLS 1.3, or what stands in front of it']
  if (/SSL|EPROTO|TLS/.test(code))
    return [
      `TLS failed: ${tlsText(error)}`,
      'Check that the scheme of the URL is right, and that certFile belongs to keyFile',
    ]
  if (DROPPED.has(code))
    return ['the connection was dropped', `Check that ${name} runs and stays up; its log is on the proxy`]
  return [errorText(error), `Check that ${name} runs and stays up; its log is on the proxy`]
}

/** OpenSSL's reason without its process-dependent prefix (`C0DCE1B57F000000:error:0A00…:ssl/record/…:`). */
function tlsText(error: unknown): string {
  const reason = typeof error === 'object' && error !== null && 'reason' in error ? error.reason : undefined
  return typeof reason === 'string' ? reason : oneLine(errorText(error))
}

/** The code of a failed request: Node's, undici's or OpenSSL's; the name of what has none; of the cause where the error is only a wrapper. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if ('code' in error && typeof error.code === 'string') {
    const inner = error.cause === undefined ? '' : codeOf(error.cause)
    return error.code.startsWith('UND_ERR_SOCKET') && inner !== '' ? inner : error.code
  }
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  return error.cause === undefined ? error.name : codeOf(error.cause)
}

/** Whether an error says that nobody listens there, as opposed to somebody who does not answer. */
export function isGone(error: unknown): boolean {
  return ['ECONNREFUSED', 'ENOENT'].includes(codeOf(error))
}

/** A program does not take our credentials. `text` is what it says. */
export function unauthorized(endpoint: Endpoint, { credentials }: Program, text: string): Problem {
  const message = `${describeEndpoint(endpoint)} refuses us: ${text}`
  return { code: 'ProxyUnauthorized', kind: 'terminal', message, remedy: credentials }
}

/** A program cannot be asked. `what` goes behind a colon. */
export function unreachable(endpoint: Endpoint, what: string, remedy: string): Problem {
  const message = `${describeEndpoint(endpoint)} cannot be reached: ${what}`
  return { code: 'ProxyUnreachable', kind: 'transient', message, remedy }
}

/** Somebody else has written between our reading and our write. `program` is what both write to. */
export function revisionConflict({ proxy }: Endpoint, program: 'Caddy' | 'HAProxy'): Problem {
  return {
    code: 'RevisionConflict',
    kind: 'transient',
    message: `the configuration of proxy ${proxy} changed while ours was on its way, which was therefore not written`,
    remedy: `Wait for the next pass; if this repeats, find out who else writes to this ${program} all the time`,
  }
}

/**
 * Somebody else's words, on one line and not longer than an Event can carry, without credentials of ours that he may have sent back, and without what
 * steers the terminal of whoever reads the Event.
 */
export function oneLine(text: string): string {
  const line = printable(hideSecrets(text).replaceAll(/\s+/g, ' ').trim())
  return line.length > LONGEST_TEXT ? `${line.slice(0, LONGEST_TEXT)}…` : line
}
