import * as z from 'zod'
import { canonicalAddress } from '../model/address.ts'
import { file } from './file.ts'
import { parsed } from './schema.ts'

/** Reads `/run/fairway-envoy/admin.sock` or `127.0.0.1:9901`. Who reaches the endpoint can end Envoy, so it must be of this machine. */
function readAdmin(text: string): string | undefined {
  if (/^\/\S+$/.test(text)) return text
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = canonicalAddress(bracketed ?? plain ?? '')
  const isLocal = host === '::1' || host?.startsWith('127.') === true
  const port = Number(digits)
  return isLocal && port >= 1 && port <= 65_535 ? text : undefined
}

/** The Envoy of an edge's machine, as a value of `engine`. */
export const envoySchema = z.strictObject({
  /** A folder of ours alone, which Envoy's bootstrap names. */
  configDir: file.default('/var/lib/fairway-envoy'),
  /** Envoy's admin endpoint. */
  admin: parsed(readAdmin, 'is not like /run/fairway-envoy/admin.sock or 127.0.0.1:9901').prefault(
    '/run/fairway-envoy/admin.sock',
  ),
  binary: file.default('/usr/local/bin/envoy'),
})
