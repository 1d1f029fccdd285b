import * as z from 'zod'
import { describeEndpoint, type Endpoint } from '../../http/endpoint.ts'
import { oneLine, type Program, revisionConflict, unauthorized, unreachable } from '../../http/failures.ts'
import { adoptRemedy } from '../../model/adoption.ts'
import type { Problem } from '../../model/problems.ts'
import type { Owner } from '../../model/table.ts'

/** What a failed request is explained with. */
export const DATAPLANE: Program = {
  name: 'the Data Plane API',
  listen: '`dataplaneapi.host` and `port` in its configuration',
  credentials: "Check userFile against the API's userlist, or certFile and keyFile against its `--tls-ca`",
  judgesCertificates: true,
}

const errorSchema = z.object({ code: z.number(), message: z.string() })

/** The API's own words, on one line and not longer than an Event can carry. */
export function dataplaneText(body: string): string {
  return oneLine(readError(body)?.message ?? body)
}

function readError(body: string): z.output<typeof errorSchema> | undefined {
  try {
    return errorSchema.safeParse(JSON.parse(body)).data
  } catch {
    // Not JSON: a gateway's page, or another program.
    return undefined
  }
}

/** Turns an answer that is not what was asked for into the problem it stands for (haproxytech/dataplaneapi, misc/misc.go). */
export function answerProblem(endpoint: Endpoint, status: number, body: string): Problem {
  const text = dataplaneText(body)
  if (status === 401 || status === 403) return unauthorized(endpoint, DATAPLANE, text)
  const error = readError(body)
  if (error === undefined || status < 400 || isUnknownPath(status, text)) {
    // What comes with success is not looked through for our password, and says nothing of what is wrong.
    const said = status < 300 ? '' : `: ${text}`
    const what = `something that is not the Data Plane API v3 answers with status ${status}${said}`
    return unreachable(endpoint, what, `Check scheme, host and port of the URL against ${DATAPLANE.listen}`)
  }
  // 409: another version, or there is what we believed absent; 406: somebody else's commit made ours outdated; 404: what we believed there is gone.
  if (status === 409 || status === 406 || status === 404) return revisionConflict(endpoint, 'HAProxy')
  if (status === 429) return busy(endpoint, text)
  return rejected(endpoint, text, status >= 500 ? 'transient' : 'terminal')
}

/** Version 2 of the API has other paths. */
function isUnknownPath(status: number, text: string): boolean {
  return status === 404 && /^path \S+ was not found$/.test(text)
}

function busy(endpoint: Endpoint, text: string): Problem {
  const message = `${describeEndpoint(endpoint)} has too many transactions open: ${text}`
  const remedy =
    'Wait for the next pass; if this repeats, delete what others left open, or raise `max_open_transactions`'
  return { code: 'ProxyUnreachable', kind: 'transient', message, remedy }
}

/** HAProxy or its API does not take what was written. `text` is what it says. */
export function rejected(endpoint: Endpoint, text: string, kind: Problem['kind']): Problem {
  const message = `${describeEndpoint(endpoint)} rejected the configuration and goes on with the one before: ${text}`
  const remedy = "Read the logs of HAProxy and its Data Plane API; if what they name is not Fairway's, correct it there"
  return { code: 'ProxyRejected', kind, message: withoutIds(message), remedy }
}

/** Names of transactions and of their files are new each time; what is told must not be. */
function withoutIds(text: string): string {
  return text
    .replaceAll(/ ?transactionId=[0-9a-f-]+/g, '')
    .replaceAll(/\S*\.[0-9a-f]{8}-[0-9a-f-]{27}/g, 'haproxy.cfg')
    .replaceAll(/\((\d+)\) :/g, ':')
}

/** The API took a write, and it is not known that HAProxy runs it. `what` says why. */
export function notConfirmed({ proxy }: Endpoint, what: string): Problem {
  return {
    code: 'WriteNotConfirmed',
    kind: 'transient',
    message: `proxy ${proxy} accepted a configuration, but ${what}`,
    remedy: 'Wait for the next pass; if this repeats, read the log of the Data Plane API',
  }
}

/** A section bears our names and the UID of another cluster. */
export function ownerConflict({ proxy }: Endpoint, section: string, owner: Owner, uid: string): Problem {
  const name = `${owner.cluster}/${owner.className}`
  return {
    code: 'OwnerConflict',
    kind: 'terminal',
    message: `section ${section} on proxy ${proxy} belongs to another cluster that also calls itself ${name} (UID ${uid}, ours is ${owner.uid})`,
    remedy: adoptRemedy(owner, uid, proxy),
  }
}
