import { type RequestOptions, request } from 'node:http'
import { errorText, FairwayError, type Problem } from '../../../model/problems.ts'
import { collectText } from '../common/collect-text.ts'

/** Of thousands of frontends it tells as many megabytes as there are hundreds. */
const ANSWERS_WITHIN_MS = 15_000

/** Asks Envoy's admin endpoint. Nothing that is asked changes anything. */
export interface Admin {
  /** The body of an answer. Throws ProxyUnreachable where nobody answers. */
  get(path: string, signal: AbortSignal): Promise<string>
  /** Whether it serves: it has gone through its files once. Throws as `get` does. */
  isLive(signal: AbortSignal): Promise<boolean>
}

/** `where` is the path of a socket, or `127.0.0.1:9901`. */
export function createAdmin(where: string): Admin {
  const place = where.startsWith('/') ? { socketPath: where } : placeOf(where)
  const asked = async (path: string, signal: AbortSignal): Promise<Answer> => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWERS_WITHIN_MS)])
    try {
      return await ask({ ...place, path, headers: { host: 'localhost' }, agent: false, signal: limit })
    } catch (error) {
      if (signal.aborted) throw signal.reason
      throw new FairwayError(unreachable(where, errorText(error)), error)
    }
  }
  return {
    get: async (path, signal) => {
      const { status, text } = await asked(path, signal)
      if (status === 200) return text
      throw new FairwayError(unreachable(where, `status ${status}: ${text.slice(0, 200)}`))
    },
    isLive: async (signal) => (await asked('/ready', signal)).status === 200,
  }
}

interface Answer {
  readonly status: number | undefined
  readonly text: string
}

function placeOf(where: string): { readonly host: string; readonly port: number } {
  const colon = where.lastIndexOf(':')
  return { host: where.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(where.slice(colon + 1)) }
}

function ask(options: RequestOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(options, (answer) => {
      answer.on('error', reject)
      collectText(answer, (text) => resolve({ status: answer.statusCode, text }))
    })
    asked.on('error', reject).end()
  })
}

function unreachable(where: string, text: string): Problem {
  return {
    code: 'ProxyUnreachable',
    kind: 'transient',
    message: `Envoy's admin endpoint at ${where} does not answer: ${text}`,
    remedy: "Look whether Envoy's unit runs, and whether its bootstrap opens that endpoint for this user",
  }
}
