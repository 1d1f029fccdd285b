import { CADDY_CAPABILITIES } from './caddy/capabilities.ts'
import { createCaddyDriver } from './caddy.ts'
import { createEdgeDriver } from './edge.ts'

/** The kinds of proxies, by their key in the configuration. One line each. */
export const drivers = {
  caddy: { capabilities: CADDY_CAPABILITIES, create: createCaddyDriver },
  // Depends on the program behind it.
  edge: { capabilities: undefined, create: createEdgeDriver },
} as const
