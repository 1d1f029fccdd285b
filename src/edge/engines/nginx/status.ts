import { isGone } from '../../../http/failures.ts'
import { errorText, FairwayError, type Problem } from '../../../model/problems.ts'
import { exchange } from '../common/exchange.ts'
import { statusPath } from './paths.ts'

/** What one worker tells. */
export interface Status {
  readonly worker: number
  /** Of the file of ours that it serves. */
  readonly shape: string
}

const ANSWERS_WITHIN_MS = 3_000
const ANSWER = /^fairway (?<worker>\d+) (?<shape>[0-9a-f]{16})\n$/

/** Asks a running nginx what it serves; undefined: none runs, or none that has loaded our file. During a reload, any worker may answer. */
export async function askStatus(socketDir: string, signal: AbortSignal): Promise<Status | undefined> {
  const path = statusPath(socketDir)
  const answer = await exchange(path, undefined, ANSWERS_WITHIN_MS, signal)
  signal.throwIfAborted()
  if (answer instanceof Error) {
    if (isGone(answer)) return undefined
    throw new FairwayError(silent(path, errorText(answer)), answer)
  }
  const { worker, shape } = ANSWER.exec(answer)?.groups ?? {}
  if (worker === undefined || shape === undefined)
    throw new FairwayError(silent(path, 'its answer is not what our file has it say'))
  return { worker: Number(worker), shape }
}

function silent(path: string, why: string): Problem {
  return {
    code: 'ProxyUnreachable',
    kind: 'transient',
    message: `nginx does not answer on ${path}: ${why}`,
    remedy: 'Look into the log of nginx, and let this user open that socket',
  }
}
