import { connect } from 'node:net'
import { errorText, FairwayError, type Problem } from '../../../model/problems.ts'
import { statusPath } from './paths.ts'

/** What one worker tells. */
export interface Status {
  readonly worker: number
  /** Of the file of ours that it serves. */
  readonly shape: string
}

const ANSWERS_WITHIN_MS = 3_000
const ANSWER = /^fairway (?<worker>\d+) (?<shape>[0-9a-f]{16})\n$/
const GONE: ReadonlySet<unknown> = new Set(['ENOENT', 'ECONNREFUSED'])

/** Asks a running nginx what it serves; undefined: none runs, or none that has loaded our file. During a reload, any worker may answer. */
export async function askStatus(socketDir: string, signal: AbortSignal): Promise<Status | undefined> {
  const path = statusPath(socketDir)
  const answer = await exchange(path, AbortSignal.any([signal, AbortSignal.timeout(ANSWERS_WITHIN_MS)]))
  signal.throwIfAborted()
  if (answer instanceof Error) {
    if ('code' in answer && GONE.has(answer.code)) return undefined
    throw new FairwayError(silent(path, errorText(answer)), answer)
  }
  const { worker, shape } = ANSWER.exec(answer)?.groups ?? {}
  if (worker === undefined || shape === undefined) throw new FairwayError(silent(path, 'closed without an answer'))
  return { worker: Number(worker), shape }
}

function exchange(path: string, limit: AbortSignal): Promise<string | Error> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const socket = connect({ path })
    const stop = () => socket.destroy(new Error(`no answer within ${ANSWERS_WITHIN_MS} ms`))
    limit.addEventListener('abort', stop, { once: true })
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('error', resolve)
    socket.on('close', () => {
      limit.removeEventListener('abort', stop)
      resolve(Buffer.concat(chunks).toString())
    })
  })
}

function silent(path: string, why: string): Problem {
  return {
    code: 'ProxyUnreachable',
    kind: 'transient',
    message: `nginx does not answer on ${path}: ${why}`,
    remedy: 'Look into the log of nginx, and let this user open that socket',
  }
}
