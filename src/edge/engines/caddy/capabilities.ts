import { CADDY_CAPABILITIES } from '../../../caddy/capabilities.ts'
import type { Program } from '../common/accept.ts'

/**
 * What Caddy does, and one thing more than the driver for it says: a target that is left out of the configuration keeps its TCP connections, and the
 * edge need not read back from Caddy which targets those are.
 */
export const CADDY: Program = {
  title: 'Caddy',
  capabilities: { ...CADDY_CAPABILITIES, TCP: { ...CADDY_CAPABILITIES.TCP, drain: true } },
}
