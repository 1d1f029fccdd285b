import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Names of sockets of ours. */
const OURS = /^(?:status|closed|[0-9a-f]{16})\.sock$/

/**
 * Removes sockets of ours that the configuration which nginx runs does not have. It leaves those behind that it opened for another one of which it could not
 * bind all, and then could not bind them for any other one either.
 */
export async function removeLeftovers(socketDir: string, running: string): Promise<void> {
  const used = new Set([...running.matchAll(/^ {2}listen unix:(\S+?)(?: proxy_protocol)?;$/gm)].map(([, path]) => path))
  const paths = (await readdir(socketDir)).filter((name) => OURS.test(name)).map((name) => join(socketDir, name))
  await Promise.all(paths.filter((path) => !used.has(path)).map((path) => rm(path, { force: true })))
}
