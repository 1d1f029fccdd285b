import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { errorText } from '../../../model/problems.ts'

/** Names of sockets of ours. */
const OURS = /^(?:status|closed|[0-9a-f]{16})\.sock$/

/**
 * Removes sockets of ours that the configuration which nginx runs does not have. It leaves those behind that it opened for another one of which it could not
 * bind all, and then could not bind them for any other one either. Resolves with what could not be removed: it is in the way of nothing else.
 */
export async function removeLeftovers(socketDir: string, running: string): Promise<readonly string[]> {
  const used = new Set([...running.matchAll(/^ {2}listen unix:(\S+?)(?: proxy_protocol)?;$/gm)].map(([, path]) => path))
  const paths = (await readdir(socketDir)).filter((name) => OURS.test(name)).map((name) => join(socketDir, name))
  const removed = await Promise.allSettled(
    paths.filter((path) => !used.has(path)).map((path) => rm(path, { force: true })),
  )
  return removed.flatMap((one) => (one.status === 'rejected' ? errorText(one.reason) : []))
}
