import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import type { z } from 'zod'
import { shorten } from './consistency.ts'
import { RequestError, refuse } from './refusal.ts'

const unzip = promisify(gunzip)
const zip = promisify(gzip)

/** Shorter answers are not worth the work. */
const ZIP_FROM = 1_024

export interface BodyLimit {
  readonly bytes: number
  /** What whoever sends more can do. */
  readonly remedy: string
}

/**
 * The JSON of a request, as it was sent or gzipped; neither may be larger than `limit` says, and no more than that is ever held. Throws a
 * RequestError.
 */
export async function readJson(request: Request, limit: BodyLimit): Promise<unknown> {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') throw unsupported('the body is not application/json', 'Send JSON, and say so')
  const coding = request.headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity'
  if (coding !== 'gzip' && coding !== 'identity') {
    throw unsupported(`the body is encoded as ${shorten(coding)}`, 'Send it as gzip or as it is')
  }
  const sent = await readAll(request, limit)
  return parse(coding === 'gzip' ? await inflate(sent, limit) : sent)
}

async function readAll(request: Request, limit: BodyLimit): Promise<Buffer> {
  if (Number(request.headers.get('content-length') ?? 0) > limit.bytes) throw tooLarge(limit)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength
    if (size > limit.bytes) throw tooLarge(limit)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function inflate(sent: Buffer, limit: BodyLimit): Promise<Buffer> {
  try {
    return await unzip(sent, { maxOutputLength: limit.bytes })
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(limit)
    throw invalid('the body is not gzip')
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown
  } catch {
    throw invalid('the body is not JSON in UTF-8')
  }
}

/** A value of the form that a schema asks for. Throws a RequestError that names the first places where it is not. */
export function readAs<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issues = result.error.issues.slice(0, 3).map(({ path, message }) => {
    const place = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${shorten(String(part))}`)).join('')
    return `${place.replace(/^\./, '') || what}: ${shorten(message)}`
  })
  const more = result.error.issues.length > 3 ? ` and ${result.error.issues.length - 3} more` : ''
  throw invalid(`${issues.join('; ')}${more}`)
}

/** An answer in JSON, gzipped for a client that takes it. */
export async function writeJson(
  value: unknown,
  status: number,
  headers: Readonly<Record<string, string>>,
  accepts: string | undefined,
): Promise<Response> {
  const text = JSON.stringify(value)
  const plain = { ...headers, 'content-type': 'application/json', vary: 'Accept-Encoding', 'cache-control': 'no-store' }
  if (text.length < ZIP_FROM || !takesGzip(accepts ?? '')) return new Response(text, { status, headers: plain })
  const body = new Uint8Array(await zip(text))
  return new Response(body, { status, headers: { ...plain, 'content-encoding': 'gzip' } })
}

function takesGzip(accepts: string): boolean {
  return accepts.split(',').some((one) => /^\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?$/i.test(one))
}

function invalid(message: string): RequestError {
  return new RequestError(refuse('BodyInvalid', message, 'Correct the request'))
}

function unsupported(message: string, remedy: string): RequestError {
  return new RequestError(refuse('TypeUnsupported', message, remedy))
}

function tooLarge({ bytes, remedy }: BodyLimit): RequestError {
  return new RequestError(refuse('BodyTooLarge', `the body is larger than ${bytes} bytes`, remedy))
}
