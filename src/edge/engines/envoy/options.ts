import type { Log } from '../../log.ts'

export interface EnvoyOptions {
  /** A folder of ours, and nobody else's. Envoy's bootstrap names it in `dynamic_resources`, see deploy/edge/envoy.yaml. */
  readonly configDir: string
  /** Envoy's admin endpoint: the path of a socket, or `127.0.0.1:9901`. */
  readonly admin: string
  /** Default: `envoy`. It is only asked for its version. */
  readonly binary?: string | undefined
  /** A listener that Envoy did not take is tried again after this time, doubled each time. Default: 60,000. */
  readonly failedStartRestMs?: number | undefined
  readonly log: Log
}
