import type { Log } from '../../log.ts'

/** Where the admin API of a local Caddy is. */
export interface CaddyAdmin {
  readonly url: string
  /** Of a unix socket, which is what counts then. */
  readonly socketPath?: string | undefined
}

export interface CaddyEngineOptions {
  readonly admin: CaddyAdmin
  /** Asked for its version. Default: `caddy`. */
  readonly binary?: string | undefined
  /** Ours: holds what Caddy was last seen to run with, which its unit starts it with when Caddy's own file is cut off. */
  readonly savedFile: string
  /** Changes are this far apart: each ends the UDP flows of all frontends. Default: 1,000. */
  readonly minReloadIntervalMs?: number | undefined
  /** What Caddy could not bind is tried again after this time, doubled each time. Default: 60,000. */
  readonly failedStartRestMs?: number | undefined
  readonly log: Log
}
