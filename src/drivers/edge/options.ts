import type { DriverLog, TlsFiles } from '../../http/endpoint.ts'
import type { Owner } from '../../model/table.ts'

export interface EdgeOptions {
  /** The proxy's name in our configuration, for messages. */
  readonly proxy: string
  /** Of the edge's API: `https://10.1.0.100:7443`. */
  readonly url: string
  readonly tls: TlsFiles
  /** Holds the token that `fairway edge init` made; undefined: a client certificate says who we are. */
  readonly tokenFile: string | undefined
  readonly owner: Owner
  /** For each request. */
  readonly timeoutMs: number
  /** Transition count of the Lease under which we write: the edge refuses one that is lower than another's before. 0: there is no Lease. */
  readonly epoch: number
  readonly log: DriverLog
  /** Who writes, for the edge's own log. */
  readonly userAgent?: string | undefined
  /** Called right before each write; throws when this process may not write any more. */
  readonly fence?: (() => void) | undefined
}
