import type { AdminAccess } from '../../caddy/client.ts'
import type { DriverLog } from '../../http/endpoint.ts'
import type { ListenMap } from '../../model/listen.ts'
import type { Owner } from '../../model/table.ts'

/** The admin API is `admin.listen` behind a tunnel or on loopback, or `admin.remote` with client certificates. */
export interface CaddyOptions extends AdminAccess {
  readonly owner: Owner
  readonly listen: ListenMap
  /** Whether a pool or the listen map knows a published address: any other is refused before Caddy hears of it. */
  readonly declares: (publishedAddress: string) => boolean
  /**
   * Whether to dial a TCP address and port before it is bound for the first time. To be off where a connection says nothing about this proxy:
   * addresses that several proxies share, or a middlebox that accepts everything.
   */
  readonly probe: boolean
  /** For each request, and for all dials before a write together. */
  readonly timeoutMs: number
  readonly log: DriverLog
}
