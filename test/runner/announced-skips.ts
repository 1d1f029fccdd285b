import { CADDY_SKIPS, ENVOY_SKIPS, NGINX_SKIPS, NO_DATAPLANE, WEBHOOK_SKIPS } from '../contract/skips.ts'
import { AUDIT, NO_AUDITS } from '../security/skips.ts'

/** Tests that may be skipped, each with the reason. Any other skip fails the run, and so does one of these for another reason. */
export interface AnnouncedSkip {
  /** The test's whole name. */
  readonly name: string
  readonly reason: string
}

export const ANNOUNCED_SKIPS: readonly AnnouncedSkip[] = [
  ...[CADDY_SKIPS, ENVOY_SKIPS, NGINX_SKIPS, WEBHOOK_SKIPS].flatMap((skips) =>
    Object.entries(skips).map(([name, reason]) => ({ name, reason })),
  ),
  { name: 'driver contract: dataplane', reason: NO_DATAPLANE },
  { name: AUDIT, reason: NO_AUDITS },
]
