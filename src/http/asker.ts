import pRetry from 'p-retry'
import type { Endpoint } from './endpoint.ts'
import { codeOf, DROPPED, type Program, requestError } from './failures.ts'

/** Runs requests. What never becomes an answer is thrown as a FairwayError. */
export interface Asker {
  /** Whether a lost answer meant success is for the caller to find out. `work` ends by the signal that it is given. */
  once<Answer>(work: (limit: AbortSignal) => Promise<Answer>, signal: AbortSignal): Promise<Answer>
  /** Tried again when the connection is dropped: for what changes nothing. */
  again<Answer>(work: (limit: AbortSignal) => Promise<Answer>, signal: AbortSignal): Promise<Answer>
}

const RETRY = {
  retries: 3,
  minTimeout: 50,
  maxTimeout: 500,
  randomize: true,
  shouldRetry: ({ error }: { readonly error: Error }) => DROPPED.has(codeOf(error)),
}

/** Makes what bounds requests in time, each of them by `timeoutMs`, and explains those that fail. */
export function createAsker(endpoint: Endpoint & { readonly timeoutMs: number }, program: Program): Asker {
  const { timeoutMs } = endpoint
  const limited = <Answer>(work: (limit: AbortSignal) => Promise<Answer>, signal: AbortSignal) =>
    work(AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]))

  async function explained<Answer>(work: () => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      throw requestError(endpoint, program, timeoutMs, error)
    }
  }

  return {
    once: (work, signal) => explained(() => limited(work, signal), signal),
    again: (work, signal) => explained(() => pRetry(() => limited(work, signal), { ...RETRY, signal }), signal),
  }
}
