/** A plain client of the Kubernetes API for the lab's own needs: not the product's, which it helps to test. */
import { readFileSync } from 'node:fs'
import { Agent, request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'

export interface ApiAccess {
  readonly server: string
  readonly caFile: string
  readonly token: string
}

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly body?: unknown
  /** For PATCH; a merge patch if not given. */
  readonly contentType?: string
}

export interface ApiClient {
  /** The parsed answer; an answer of 400 or above throws ApiError. */
  request(path: string, request: ApiRequest, signal: AbortSignal): Promise<unknown>
  close(): void
}

export class ApiError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export function createApiClient(access: ApiAccess): ApiClient {
  const agent = new Agent({ keepAlive: true, ca: readFileSync(access.caFile) })
  return {
    async request(path, { method = 'GET', body, contentType }, signal) {
      const type = contentType ?? (method === 'PATCH' ? 'application/merge-patch+json' : 'application/json')
      const headers = { authorization: `Bearer ${access.token}`, 'content-type': type }
      const limit = AbortSignal.any([signal, AbortSignal.timeout(30_000)])
      const answer = await send(new URL(path, access.server), { method, headers, agent, signal: limit }, body)
      if (answer.status >= 400) throw new ApiError(answer.status, `${method} ${path}: ${answer.status} ${answer.body}`)
      return answer.body.startsWith('{') ? (JSON.parse(answer.body) as unknown) : answer.body
    },
    close: () => agent.destroy(),
  }
}

async function send(
  url: URL,
  options: { method: string; headers: Record<string, string>; agent: Agent; signal: AbortSignal },
  body: unknown,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, options, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject)
    })
    request.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body))
  })
}
