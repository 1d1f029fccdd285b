import { errorText, FairwayError, type Problem } from '../../model/problems.ts'
import { fieldOf } from './listeners.ts'

/** What a message needs to know about a proxy. */
export interface Endpoint {
  readonly proxy: string
  readonly url: string
}

const LONGEST_TEXT = 300

/** The URL as messages show it: without a password that somebody may have put there. */
export function shownUrl({ url }: Endpoint): string {
  const { origin, pathname } = new URL(url)
  return pathname === '/' ? origin : origin + pathname
}

/** Caddy's own words, on one line and not longer than an Event can carry. */
export function caddyText(body: string): string {
  let text = body
  try {
    const error = fieldOf(JSON.parse(body), 'error')
    if (typeof error === 'string') text = error
  } catch {
    // Not JSON: a gateway's page, or plain text from Go's HTTP server.
  }
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length > LONGEST_TEXT ? `${line.slice(0, LONGEST_TEXT)}…` : line
}

/** Turns an answer that is not what was asked for into the problem it stands for (caddyserver/caddy, admin.go). */
export function answerProblem(endpoint: Endpoint, status: number, body: string): Problem {
  const who = `proxy ${endpoint.proxy} at ${shownUrl(endpoint)}`
  const text = caddyText(body)
  if (status === 401 || status === 403) return unauthorized(who, text)
  if (status === 409 || status === 412) return revisionConflict(endpoint)
  if (/unknown module: layer4(?![\w.])/.test(text)) return layer4Missing(who)
  if (status >= 502 && status <= 504)
    return unreachable(who, `a gateway answers ${status}`, 'Check that Caddy runs behind that URL')
  const strange = status < 400 || status === 404 || status === 405 || /HTTP request to an HTTPS server/.test(text)
  if (strange) {
    const what = `something that is not Caddy's admin API answers with status ${status}: ${text}`
    return unreachable(who, what, 'Check scheme, host and port of the URL against admin.listen or admin.remote.listen')
  }
  return rejected(who, text)
}

function rejected(who: string, text: string): Problem {
  return {
    code: 'ProxyRejected',
    kind: 'terminal',
    message: `${who} rejected the configuration and goes on with the one before: ${text}`,
    remedy: "Read Caddy's log on the proxy; if what it names is not Fairway's, correct it there",
  }
}

function unauthorized(who: string, text: string): Problem {
  return {
    code: 'ProxyUnauthorized',
    kind: 'terminal',
    message: `${who} refuses us: ${text}`,
    remedy:
      "Check that admin.origins has the URL's host and port, that admin.listen is the address in the URL, and, on admin.remote, that access_control " +
      'has our client certificate with one permission: path /config/apps, methods GET, POST and PUT',
  }
}

function layer4Missing(who: string): Problem {
  return {
    code: 'ProxyLayer4Missing',
    kind: 'terminal',
    message: `${who} runs a Caddy without the layer4 app`,
    remedy:
      'Replace its binary by one with the app, as by `xcaddy build --with github.com/mholt/caddy-l4`, and restart it',
  }
}

export function revisionConflict({ proxy }: Endpoint): Problem {
  return {
    code: 'RevisionConflict',
    kind: 'transient',
    message: `the configuration of proxy ${proxy} changed while ours was on its way, which was therefore not written`,
    remedy: 'Wait for the next pass; if this repeats, find out who else writes to this Caddy all the time',
  }
}

export function notConfirmed({ proxy }: Endpoint, what: string): Problem {
  return {
    code: 'WriteNotConfirmed',
    kind: 'transient',
    message: `proxy ${proxy} accepted a configuration but does not show it: ${what}`,
    remedy: 'Wait for the next pass; if this repeats, find out who else writes to this Caddy all the time',
  }
}

function unreachable(who: string, what: string, remedy: string): Problem {
  return { code: 'ProxyUnreachable', kind: 'transient', message: `${who} cannot be reached: ${what}`, remedy }
}

/** Turns a failed request into a FairwayError. */
export function requestError(endpoint: Endpoint, timeoutMs: number, error: unknown): FairwayError {
  if (error instanceof FairwayError) return error
  const who = `proxy ${endpoint.proxy} at ${shownUrl(endpoint)}`
  const code = codeOf(error)
  if (/ALERT/.test(code)) return new FairwayError(unauthorized(who, tlsText(error)), error)
  // TLS 1.3 ends the client's handshake before the server has looked at its certificate; undici shows the alert that follows as a close.
  if (code === 'UND_ERR_SOCKET' && endpoint.url.startsWith('https:')) {
    return new FairwayError(
      unauthorized(who, 'it hangs up after the TLS handshake, as for a client certificate that it does not take'),
      error,
    )
  }
  const [what, remedy] = explain(code, error, timeoutMs)
  return new FairwayError(unreachable(who, what, remedy), error)
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

function explain(code: string, error: unknown, timeoutMs: number): readonly [what: string, remedy: string] {
  if (NO_ANSWER.has(code))
    return [`no answer within ${timeoutMs} ms`, 'Check that the proxy is up, and firewalls on the way']
  if (code === 'ECONNREFUSED')
    return [
      'connection refused',
      'Check that Caddy runs, and that admin.listen or admin.remote.listen is the address in the URL',
    ]
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return [`its name is not found (${code})`, 'Check the host in the URL, and DNS where Fairway runs']
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH')
    return [`no route to it (${code})`, 'Check routes and firewalls between Fairway and the proxy']
  if (/CERT|SIGNED|SIGNATURE|ISSUER|ALTNAME/.test(code)) {
    return [
      `its certificate is not trusted: ${tlsText(error)}`,
      'Check caFile, and that the certificate is for the host in the URL',
    ]
  }
  if (/SSL|EPROTO|TLS/.test(code))
    return [
      `TLS failed: ${tlsText(error)}`,
      'Check that the scheme of the URL is right, and that certFile belongs to keyFile',
    ]
  if (DROPPED.has(code))
    return ['the connection was dropped', 'Check that Caddy runs and stays up; its log is on the proxy']
  return [errorText(error), 'Check that Caddy runs and stays up; its log is on the proxy']
}

/** OpenSSL's reason without its process-dependent prefix (`C0DCE1B57F000000:error:0A00…:ssl/record/…:`). */
function tlsText(error: unknown): string {
  const reason = typeof error === 'object' && error !== null && 'reason' in error ? error.reason : undefined
  return typeof reason === 'string' ? reason : caddyText(errorText(error))
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

/** What an error at Start names: a socket that could not be bound. */
export interface BindError {
  readonly protocol: 'TCP' | 'UDP'
  readonly address: string
  readonly port: number
  readonly reason: string
}

/** Reads `listen tcp4 203.0.113.99:80: bind: cannot assign requested address` out of Caddy's answer. */
export function parseBindError(text: string): BindError | undefined {
  const match =
    /listen (tcp|udp)[46] (?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5}): (?:bind|socket|setsockopt): ([a-z ]+)/.exec(text)
  const [, transport, v6, v4, port, reason] = match ?? []
  const address = v6 ?? v4
  if (address === undefined || reason === undefined) return undefined
  return { protocol: transport === 'udp' ? 'UDP' : 'TCP', address, port: Number(port), reason: reason.trim() }
}
