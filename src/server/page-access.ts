import { createHash } from 'node:crypto'

/** What the API server says of whoever shows a token. */
export type Verdict = 'allowed' | 'forbidden' | 'unknown'

/** Asks whether the owner of a token may see the page. Rejects when the API server does not answer. */
export type JudgeToken = (token: string, signal: AbortSignal) => Promise<Verdict>

/** `unavailable`: it could not be asked. */
export type Access = Verdict | 'unavailable' | 'misdirected'

export interface Asked {
  /** Header `Host`. */
  readonly host: string | undefined
  /** Header `Authorization`. */
  readonly authorization: string | undefined
}

export type Guard = (asked: Asked, signal: AbortSignal) => Promise<Access>

/**
 * For a page on loopback: whoever can connect may look, but by a name of loopback only. A page of a stranger whose name was made to lead to
 * 127.0.0.1 (DNS rebinding) asks with that name.
 */
export const guardLoopback: Guard = ({ host }) =>
  Promise.resolve(isLoopbackHost(host ?? '') ? 'allowed' : 'misdirected')

/** Whether the part before the port is an address or the name of loopback. */
function isLoopbackHost(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i.test(host)
}

/** How long a verdict holds: a right that is taken away works on for so long. */
const ALLOWED_MS = 60_000
const DENIED_MS = 5_000
const MOST_REMEMBERED = 200
/** Tokens that are being asked about at one moment: whoever guesses must not load the API server. */
const MOST_AT_ONCE = 4
const LONGEST_TOKEN = 16_384
const PATIENCE_MS = 5_000

interface Known {
  readonly verdict: Verdict
  readonly untilMs: number
}

/** For a page that others can reach: a bearer token, of which the API server says whether its owner may look. `now` is epoch milliseconds. */
export function createTokenGuard(judge: JudgeToken, now: () => number): Guard {
  const known = new Map<string, Known>()
  let asking = 0
  return async ({ authorization }, signal) => {
    const token = /^Bearer +(?<token>[\w.~+/=-]+)$/i.exec(authorization ?? '')?.groups?.['token']
    if (token === undefined || token.length > LONGEST_TOKEN) return 'unknown'
    // Kept as a digest: a dump of memory must not hold tokens of people.
    const digest = createHash('sha256').update(token).digest('base64')
    const before = known.get(digest)
    if (before !== undefined && before.untilMs > now()) return before.verdict
    if (asking >= MOST_AT_ONCE) return 'unavailable'
    asking++
    try {
      const verdict = await judge(token, AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]))
      remember(known, digest, { verdict, untilMs: now() + (verdict === 'allowed' ? ALLOWED_MS : DENIED_MS) })
      return verdict
    } catch {
      return 'unavailable'
    } finally {
      asking--
    }
  }
}

function remember(known: Map<string, Known>, digest: string, one: Known): void {
  known.delete(digest)
  known.set(digest, one)
  const [oldest] = known.keys()
  if (known.size > MOST_REMEMBERED && oldest !== undefined) known.delete(oldest)
}
