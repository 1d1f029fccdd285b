import type { Log } from '../../log.ts'

export interface NginxOptions {
  /** Of the administrator, nginx's `-c`. Its `stream` block includes `configFile` by that very path. */
  readonly mainFile: string
  /** Ours, and nobody else's. */
  readonly configFile: string
  /**
   * Where nginx has sockets of ours: by one of them it tells what it runs. Made by the engine. The unit of nginx removes all sockets in it before each
   * start, since nginx does not start where one that was killed has left them. At most 60 characters.
   */
  readonly socketDir: string
  /** Of the main level of nginx's files: what it has against a reload is told nowhere else. */
  readonly errorLog: string
  /** Default: `nginx`. */
  readonly binary?: string | undefined
  /** Where the last configuration that was seen running is kept, to go back to. Tests run there, too. */
  readonly stateDir: string
  /** Reloads are this far apart: each leaves workers that live as long as their connections do. Default: 1,000. */
  readonly minReloadIntervalMs?: number | undefined
  /** A socket that nginx could not bind is tried again after this time, doubled each time. Default: 60,000. */
  readonly failedStartRestMs?: number | undefined
  readonly log: Log
}
