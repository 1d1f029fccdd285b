import { describeEndpoint, type Endpoint } from '../../http/endpoint.ts'
import { oneLine, type Program, unauthorized, unreachable } from '../../http/failures.ts'
import type { Problem } from '../../model/problems.ts'

/** What a failed request is explained with. */
export const WEBHOOK: Program = {
  name: 'webhook',
  listen: 'where it listens (-ip and -port)',
  credentials: "Check tokenFile and header against the trigger-rule in webhook's hooks.json",
  judgesCertificates: false,
}

/**
 * What an answer says that is not that the call was taken (adnanh/webhook, webhook.go): a wrong token comes with status 200, and what the script made of
 * the call only where the hook is told to include its output.
 */
export function judgeAnswer(
  endpoint: Endpoint,
  status: number,
  contentType: string | readonly string[] | undefined,
  body: string,
): Problem | undefined {
  const text = oneLine(body)
  if (/Hook rules were not satisfied/.test(text)) return unauthorized(endpoint, WEBHOOK, text)
  if (status === 401 || status === 403) return unauthorized(endpoint, WEBHOOK, `status ${status} ${text}`.trim())
  if (status === 404 && /Hook not found/.test(text)) {
    const message = `${describeEndpoint(endpoint)} has no such hook`
    const remedy = "Check the path of the URL against the id in webhook's hooks.json"
    return { code: 'ProxyRejected', kind: 'terminal', message, remedy }
  }
  const isPage = String(contentType ?? '').includes('html')
  if (status >= 200 && status < 300 && !isPage) return undefined
  if (status === 500 && !isPage) {
    const message = `the script of ${describeEndpoint(endpoint)} has failed: ${text}`
    const remedy = 'Look at the log of webhook on the proxy, and at what haproxy -c says there'
    return { code: 'ProxyRejected', kind: 'transient', message, remedy }
  }
  const what = `something that is not webhook answers with status ${status}: ${text}`
  return unreachable(endpoint, what, 'Check scheme, host, port and path of the URL')
}
