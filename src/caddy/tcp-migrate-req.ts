import { readFile } from 'node:fs/promises'
import type { Problem } from '../model/problems.ts'

/**
 * Whether Linux hands connections that wait to be accepted on to Caddy's new sockets when it closes the old ones, which it does at each change: otherwise
 * they are reset (ip-sysctl.rst of Linux: `tcp_migrate_req`, 5.14 or later). Resolves with a problem, or undefined where all is well.
 */
export async function findMigrateProblem(proc = '/proc'): Promise<Problem | undefined> {
  const text = await readFile(`${proc}/sys/net/ipv4/tcp_migrate_req`, 'utf8').catch(() => undefined)
  if (text !== undefined && text.trim() !== '0') return undefined
  const lacks = 'each change of its configuration may reset connections that are being made'
  return {
    code: 'Unsupported',
    kind: 'terminal',
    message:
      text === undefined
        ? `this Linux has no net.ipv4.tcp_migrate_req, so with Caddy ${lacks}`
        : `net.ipv4.tcp_migrate_req is off, so with Caddy ${lacks}`,
    remedy:
      text === undefined ? 'Use Linux 5.14 or later' : 'Set net.ipv4.tcp_migrate_req=1 by a file in /etc/sysctl.d',
  }
}
