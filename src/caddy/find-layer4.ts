import { request } from 'undici'
import { createAgents } from '../http/agents.ts'
import { createAsker } from '../http/asker.ts'
import { describeEndpoint } from '../http/endpoint.ts'
import type { Problem } from '../model/problems.ts'
import type { AdminAccess } from './client.ts'
import { CADDY, caddyText, layer4Missing } from './errors.ts'

/** caddy-l4 registers this global option of the Caddyfile beside the app (layer4/caddyfile.go). */
const QUESTION = '{\n\tlayer4 {\n\t}\n}\n'

/** What a Caddy tells of its layer4 app. `unknown`: nothing; only a write would show. */
export type Layer4 = 'there' | 'unknown' | Problem

/**
 * Finds out whether a Caddy has the layer4 app without a change to it: `POST /adapt` translates a Caddyfile into JSON and loads nothing (caddyserver/caddy,
 * caddyconfig/load.go). A Caddy without its standard modules has no such path, and a client certificate need not be allowed it. Throws ProxyUnreachable.
 */
export async function findLayer4(access: AdminAccess, signal: AbortSignal): Promise<Layer4> {
  const agents = createAgents(access)
  const asker = createAsker(access, CADDY)
  const headers = { 'user-agent': access.userAgent ?? 'fairway', 'content-type': 'text/caddyfile' }
  try {
    const { status, text } = await asker.again(async (limit) => {
      const sent = {
        method: 'POST',
        headers,
        body: QUESTION,
        dispatcher: await agents.current(),
        signal: limit,
      } as const
      const answer = await request(`${access.url.replace(/\/+$/, '')}/adapt`, sent)
      return { status: answer.statusCode, text: caddyText(await answer.body.text()) }
    }, signal)
    if (status === 200) return 'there'
    return status === 400 && /unrecognized global option: layer4/.test(text)
      ? layer4Missing(describeEndpoint(access))
      : 'unknown'
  } finally {
    await agents.close()
  }
}
