import type { DriverLog, TlsFiles } from '../../http/endpoint.ts'
import type { ProxyProtocol } from '../../model/table.ts'

export interface WebhookOptions {
  /** The proxy's name in our configuration, for messages. */
  readonly proxy: string
  /** Of the hook: `https://vm:9000/hooks/update-haproxy`. */
  readonly url: string
  readonly tls: TlsFiles
  readonly tokenFile: string
  /** That the token is sent in. */
  readonly header: string
  /** Which PROXY header the script writes when `send-proxy` is `true`; off: it does not know the word. */
  readonly sendProxy: ProxyProtocol
  /** Everything is sent again when it was sent this long ago: what came of a call is not told. */
  readonly resendMs: number
  /** The script runs on after its call is answered: the next call waits this long. 0: the answer comes after the script. */
  readonly spacingMs: number
  readonly owner: { readonly cluster: string; readonly className: string }
  /** Whether a pool gives the proxy a published address: what others have is not ours to close. */
  readonly declares: (publishedAddress: string) => boolean
  /** For each request. */
  readonly timeoutMs: number
  readonly log: DriverLog
  /** Who calls, for logs on the way. */
  readonly userAgent?: string | undefined
  /** Called right before each call; throws when this process may not write any more. */
  readonly fence?: (() => void) | undefined
}
