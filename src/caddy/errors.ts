import { describeEndpoint, type Endpoint } from '../http/endpoint.ts'
import { oneLine, type Program, revisionConflict, unauthorized, unreachable } from '../http/failures.ts'
import { fieldOf } from '../model/json.ts'
import type { Problem } from '../model/problems.ts'

/** What a failed request is explained with. */
export const CADDY: Program = {
  name: 'Caddy',
  listen: 'admin.listen or admin.remote.listen',
  credentials:
    "Check that admin.origins has the URL's host and port, that admin.listen is the address in the URL, and, on admin.remote, that access_control " +
    'has our client certificate with one permission: path /config/apps, methods GET, POST and PUT',
  judgesCertificates: true,
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
  return oneLine(text)
}

/** Turns an answer that is not what was asked for into the problem it stands for (caddyserver/caddy, admin.go). */
export function answerProblem(endpoint: Endpoint, status: number, body: string): Problem {
  const who = describeEndpoint(endpoint)
  const text = caddyText(body)
  if (status === 401 || status === 403) return unauthorized(endpoint, CADDY, text)
  if (status === 409 || status === 412) return revisionConflict(endpoint, 'Caddy')
  if (/unknown module: layer4(?![\w.])/.test(text)) return layer4Missing(who)
  if (status >= 502 && status <= 504)
    return unreachable(endpoint, `a gateway answers ${status}`, 'Check that Caddy runs behind that URL')
  const strange = status < 400 || status === 404 || status === 405 || /HTTP request to an HTTPS server/.test(text)
  if (strange) {
    const what = `something that is not Caddy's admin API answers with status ${status}: ${text}`
    return unreachable(
      endpoint,
      what,
      'Check scheme, host and port of the URL against admin.listen or admin.remote.listen',
    )
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

/** `who` as messages name it. */
export function layer4Missing(who: string): Problem {
  return {
    code: 'ProxyLayer4Missing',
    kind: 'terminal',
    message: `${who} runs a Caddy without the layer4 app`,
    remedy:
      'Replace its binary by one with the app, as by `xcaddy build --with github.com/mholt/caddy-l4`, and restart it',
  }
}

/** Caddy took a write, and what it shows is not what was written. `what` differs. */
export function notConfirmed({ proxy }: Endpoint, what: string): Problem {
  return {
    code: 'WriteNotConfirmed',
    kind: 'transient',
    message: `proxy ${proxy} accepted a configuration but does not show it: ${what}`,
    remedy: 'Wait for the next pass; if this repeats, find out who else writes to this Caddy all the time',
  }
}
