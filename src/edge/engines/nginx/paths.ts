import { join } from 'node:path'

/** Where a running nginx tells a worker's process id and the shape that this worker serves. */
export function statusPath(socketDir: string): string {
  return join(socketDir, 'status.sock')
}

/** Where connections lead that nobody gets. */
export function closedPath(socketDir: string): string {
  return join(socketDir, 'closed.sock')
}

/** Of a server that only other servers of ours lead to. */
export function innerPath(socketDir: string, name: string): string {
  return join(socketDir, `${name}.sock`)
}
