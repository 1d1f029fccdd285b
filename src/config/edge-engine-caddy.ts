import * as z from 'zod'
import { canonicalAddress } from '../model/address.ts'
import { file } from './file.ts'
import { durationMs, parsed } from './schema.ts'

/** Reads what Caddy's `admin.listen` may say of this machine alone: `localhost:2019`, `127.0.0.1:2019`, `unix//run/caddy/admin.sock`. */
function readAdmin(text: string): { readonly url: string; readonly socketPath?: string } | undefined {
  const [, socketPath] = /^unix\/(\/[^|\s]+)$/.exec(text) ?? []
  if (socketPath !== undefined) return { url: 'http://localhost', socketPath }
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = plain === 'localhost' ? plain : canonicalAddress(bracketed ?? plain ?? '')
  const isLocal = host === 'localhost' || host === '::1' || host?.startsWith('127.') === true
  const port = Number(digits)
  if (!isLocal || port < 1 || port > 65_535) return undefined
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${port}` }
}

/** The Caddy of an edge's machine, as a value of `engine`. */
export const caddySchema = z.strictObject({
  /** As Caddy's `admin.listen` has it. */
  admin: parsed(readAdmin, 'is not like unix//run/caddy/admin.sock or localhost:2019').prefault('localhost:2019'),
  binary: z.string().min(1, 'needs the path of a program').default('/usr/bin/caddy'),
  /** Ours, readable for Caddy's user: see deploy/edge/caddy-autosave. */
  savedFile: file.default('/var/lib/fairway-caddy/saved.json'),
  minReloadInterval: durationMs.prefault('1s'),
})
