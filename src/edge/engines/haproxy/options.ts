import type { Log } from '../../log.ts'

export interface HaproxyOptions {
  /**
   * Ours, and nobody else's. HAProxy must load it by the last `-f` of its command line: sections of others below it would inherit its defaults.
   * Sections whose names begin with `fairway` are ours.
   */
  readonly configFile: string
  /** Files of the administrator, in the order of their `-f`. They are checked with ours, by this process and in its environment. */
  readonly adminFiles: readonly string[]
  /** Default: `haproxy`. */
  readonly binary?: string | undefined
  /** Of the master process (`-W -S`). All that the engine asks HAProxy, it asks there. */
  readonly masterSocket: string
  /** Where the last configuration that was seen running is kept, to go back to. */
  readonly stateDir: string
  /** Reloads are this far apart: each leaves a process that lives as long as its connections do. Default: 1,000. */
  readonly minReloadIntervalMs?: number | undefined
  /** A configuration that HAProxy did not start with is tried again after this time, doubled each time. Default: 60,000. */
  readonly failedStartRestMs?: number | undefined
  /** After this time a reload ends the connections of the processes before it. Undefined: as the administrator's files say. */
  readonly hardStopAfterMs?: number | undefined
  readonly log: Log
}
