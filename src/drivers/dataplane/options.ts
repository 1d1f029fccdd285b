import type { DriverLog, Endpoint, TlsFiles } from '../../http/endpoint.ts'
import type { ListenMap } from '../../model/listen.ts'
import type { Owner } from '../../model/table.ts'

/** The URL is the API's, without its `/v3`: `https://10.1.0.100:5555`. */
export interface DataplaneOptions extends Endpoint {
  readonly tls: TlsFiles
  /** Holds `NAME:PASSWORD`, of a user in the userlist of the API; undefined: a client certificate says who we are. */
  readonly userFile: string | undefined
  readonly owner: Owner
  readonly listen: ListenMap
  /** Whether a pool or the listen map knows a published address: any other is refused before HAProxy hears of it. */
  readonly declares: (publishedAddress: string) => boolean
  /** Whether to dial an address and port before it is bound for the first time; off where a connection says nothing about this proxy. */
  readonly probe: boolean
  /** For each request, and for all dials before a write together. */
  readonly timeoutMs: number
  /** How long HAProxy may take to reload; the API waits for its `reload-delay` first, 5 s by default. */
  readonly reloadTimeoutMs: number
  readonly log: DriverLog
  /** Who writes, for the API's own log. */
  readonly userAgent?: string | undefined
  /** Called right before each write; throws when this process may not write any more. */
  readonly fence?: (() => void) | undefined
}
