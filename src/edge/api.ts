import { randomUUID } from 'node:crypto'
import { type Context, Hono } from 'hono'
import { EDGE_ERRORS } from '../model/edge-wire.ts'
import { errorText } from '../model/problems.ts'
import {
  type Answer,
  answerHealth,
  answerInfo,
  answerTable,
  answerTables,
  answerWrite,
  type Call,
  type Sources,
} from './answers.ts'
import { writeJson } from './body.ts'
import { shorten } from './consistency.ts'
import type { Log } from './log.ts'
import type { Scope } from './owners.ts'
import { type Refused, RequestError, refuse } from './refusal.ts'

export interface ApiParts extends Sources {
  /** Who sends a request; `bindings` is what the server knows of the connection. */
  readonly identify: (authorization: string | undefined, bindings: unknown) => Promise<Scope | undefined>
  /** How long a request may wait for others. */
  readonly requestMs: number
  readonly onRequest: (method: string, status: number, seconds: number) => void
  readonly log: Log
}

interface Env {
  Bindings: object
  Variables: { scope: Scope }
}

const METHODS = new Set(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'])

/**
 * What clusters may ask of the edge, see model/edge-wire.ts. Whoever is not known learns nothing, not even which paths there are, and whoever is known
 * learns the same of a stranger's table whether it is there or not.
 */
export function createApi(parts: ApiParts): Hono<Env> {
  const app = new Hono<Env>()
  app.use(async (context, next) => {
    const startedAt = performance.now()
    const id = randomUUID()
    await next()
    context.header('x-request-id', id)
    tell(parts, context, id, performance.now() - startedAt)
  })
  app.use(async (context, next) => {
    const scope = await parts.identify(context.req.header('authorization'), context.env)
    if (scope === undefined) throw new RequestError(unauthorized())
    context.set('scope', scope)
    await next()
  })
  const answer = (work: (parts: Sources, call: Call) => Promise<Answer>) => async (context: Context<Env>) => {
    const { value, generation } = await work(parts, callOf(context, parts))
    const headers: Readonly<Record<string, string>> = generation === undefined ? {} : { etag: `"${generation}"` }
    return writeJson(value, 200, headers, context.req.header('accept-encoding'))
  }
  app.get('/v1/info', answer(answerInfo))
  app.get('/v1/tables/:cluster', answer(answerTables))
  app.get('/v1/tables/:cluster/:class', answer(answerTable))
  app.on(['PUT', 'PATCH', 'DELETE'], '/v1/tables/:cluster/:class', answer(answerWrite))
  app.get('/v1/tables/:cluster/:class/health', answer(answerHealth))
  app.notFound((context) => refused(noSuchPath(context.req.method, app, context.req.path)))
  app.onError((error, context) => {
    if (error instanceof RequestError) return refused(error.refused)
    parts.log.error({ err: error, method: context.req.method }, `a request failed: ${errorText(error)}`)
    return refused(refuse('Internal', 'the edge has failed', 'Look at the log of fairway-edge on the proxy'))
  })
  return app
}

function callOf(context: Context<Env>, { requestMs }: ApiParts): Call {
  const { req } = context
  return {
    scope: context.get('scope'),
    request: req.raw,
    cluster: req.param('cluster') ?? '',
    className: req.param('class') ?? '',
    query: new URL(req.url).searchParams,
    signal: AbortSignal.any([req.raw.signal, AbortSignal.timeout(requestMs)]),
  }
}

function refused(error: Refused): Promise<Response> {
  const { code, generation } = error
  const headers = {
    ...(generation === undefined || generation === 0 ? {} : { etag: `"${generation}"` }),
    ...(code === 'Unauthorized' ? { 'www-authenticate': 'Bearer' } : {}),
    ...(code === 'Busy' ? { 'retry-after': '2' } : {}),
  }
  return writeJson(error, EDGE_ERRORS[code], headers, undefined)
}

function unauthorized(): Refused {
  const remedy = 'Send a token of "fairway edge token add", or a client certificate that names an owner'
  return refuse('Unauthorized', 'the edge does not know who sends this', remedy)
}

function noSuchPath(method: string, app: Hono<Env>, path: string): Refused {
  const known = app.routes.some(({ path: pattern }) => pattern !== '/*' && matches(pattern, path))
  return known || !METHODS.has(method)
    ? refuse('MethodNotAllowed', `${shorten(method)} is not for this path`, 'Use another method')
    : refuse('NotFound', 'there is no such path', 'Use /v1/info or /v1/tables/CLUSTER/CLASS')
}

function matches(pattern: string, path: string): boolean {
  const parts = pattern.split('/')
  const given = path.split('/')
  return parts.length === given.length && parts.every((part, index) => part.startsWith(':') || part === given[index])
}

/** Reads are not worth a line unless they fail, as one of a table that nobody has written yet does not; who is not known may be anybody who scans ports. */
function tell({ log, onRequest }: ApiParts, context: Context<Env>, requestId: string, ms: number): void {
  const { method, path } = context.req
  const { status } = context.res
  onRequest(METHODS.has(method) ? method : 'other', status, ms / 1000)
  const fields = { requestId, method: shorten(method), path: shorten(path), status, ms: Math.round(ms) }
  const text = `${fields.method} ${fields.path}: ${status}`
  if (status >= 500) log.warn(fields, text)
  else if (status === 401 || (method === 'GET' && (status < 400 || status === 404))) log.debug(fields, text)
  else log.info(fields, text)
}
