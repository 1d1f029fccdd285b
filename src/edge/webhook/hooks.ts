import { hostPort } from '../../model/address.ts'
import { EDGE_ERRORS } from '../../model/edge-wire.ts'
import { describeProblem, errorText, FairwayError } from '../../model/problems.ts'
import { readJson } from '../body.ts'
import type { Log } from '../log.ts'
import type { View } from '../referee.ts'
import { type Refused, RequestError, refuse } from '../refusal.ts'
import type { Book } from './book.ts'
import { type Call, type CallRules, readCall } from './call.ts'
import type { TokenFile } from './token-file.ts'

/** Where adnanh/webhook serves the hook of poor-mans-k8s-lb, and the header that its clients send their token in. */
export const HOOK_PATH = '/hooks/update-haproxy'
const HEADER = 'X-Funkypenguin-Token'
/** Calls have a hundred bytes or two. */
const LIMIT = { bytes: 8_192, remedy: 'Send what the port needs alone, which is far less' }
/** In adnanh/webhook's words (webhook.go), which people look for to see whether it is there. */
const NOT_SATISFIED = 'Hook rules were not satisfied.'
const NOT_FOUND = 'Hook not found.'

export interface HookParts {
  /** Undefined: the edge is starting. */
  readonly book: Pick<Book, 'take'> | undefined
  readonly tokens: TokenFile
  readonly rules: CallRules
  readonly onRequest: (method: string, status: number, seconds: number) => void
  readonly log: Log
}

/**
 * Answers calls in plain text, which clients print. Whoever only looks, as with a browser, gets adnanh/webhook's answer to those without a token, with its
 * status 200; a call with a wrong one gets the same text, and a status by which `curl --fail` knows.
 */
export async function answerHook(parts: HookParts, request: Request): Promise<Response> {
  const startedAt = performance.now()
  const answer = await answerAny(parts, request)
  const method = request.method === 'POST' ? 'POST' : 'other'
  parts.onRequest(method, answer.status, (performance.now() - startedAt) / 1000)
  return new Response(`${answer.text}\n`, {
    status: answer.status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  })
}

interface Answer {
  readonly status: number
  readonly text: string
}

async function answerAny(parts: HookParts, request: Request): Promise<Answer> {
  const { log } = parts
  if (new URL(request.url).pathname !== HOOK_PATH) return { status: 404, text: NOT_FOUND }
  if (request.method !== 'POST') return { status: 200, text: NOT_SATISFIED }
  try {
    return await answerCall(parts, request)
  } catch (error) {
    if (error instanceof RequestError) {
      log.warn({ status: EDGE_ERRORS[error.refused.code] }, `a call is refused: ${error.refused.message}`)
      return answerRefused(error.refused)
    }
    log.error({ err: error }, `a call failed: ${errorText(error)}`)
    // What is wrong with our files is nobody's business.
    const remedy = 'Look at the log of fairway-edge on the proxy'
    const what = error instanceof FairwayError ? 'the edge cannot check tokens' : 'the edge has failed'
    return answerRefused(refuse('Internal', what, remedy))
  }
}

async function answerCall({ book, tokens, rules, log }: HookParts, request: Request): Promise<Answer> {
  const token = request.headers.get(HEADER)
  if (token === null || !(await tokens.knows(token))) return { status: EDGE_ERRORS.Unauthorized, text: NOT_SATISFIED }
  const call = readCall(await readJson(request, LIMIT), rules)
  if (book === undefined) throw new RequestError(refuse('Busy', 'the edge is starting', 'Try again'))
  const view = await book.take(call)
  log.info({ call }, `${call.kind} port ${call.port}`)
  return call.kind === 'delete' ? { status: 200, text: sayDeleted(call) } : sayServed(call.port, view)
}

function sayDeleted({ port, address }: Extract<Call, { readonly kind: 'delete' }>): string {
  return address === undefined ? `port ${port} is closed` : `port ${port} does not lead to ${address} any more`
}

/** One line for each address that the port is to be open on. Not one that is: a conflict. */
function sayServed(port: number, view: View | undefined): Answer {
  const refused = new Map(view?.refused.map(({ key, problem }) => [key, problem]))
  const { frontends = [], groups = [] } = view?.stored.table ?? {}
  const lines = frontends.flatMap((one) => {
    if (one.port !== port) return []
    const key = `tcp/${hostPort(one.address, port)}`
    const problem = refused.get(key) ?? view?.trouble
    if (problem !== undefined) return { served: false, text: `${key} is not served: ${describeProblem(problem)}` }
    const targets = groups.find(({ id }) => id === one.group)?.targets ?? []
    const leads = targets.map((target) => hostPort(target.address, target.port ?? one.targetPort))
    return { served: true, text: `${key} leads to ${leads.join(', ')}` }
  })
  const status = lines.some(({ served }) => served) ? 200 : EDGE_ERRORS.OwnerConflict
  return { status, text: lines.map(({ text }) => text).join('\n') }
}

function answerRefused({ code, message, remedy }: Refused): Answer {
  return { status: EDGE_ERRORS[code], text: `${message}. ${remedy}.` }
}
