import { CADDY_CAPABILITIES } from '../caddy/capabilities.ts'
import { HAPROXY_CAPABILITIES } from '../haproxy/capabilities.ts'
import { createCaddyDriver } from './caddy.ts'
import { createDataplaneDriver } from './dataplane.ts'
import { createEdgeDriver } from './edge.ts'
import { createWebhookDriver } from './webhook.ts'

/** The kinds of proxies, by their key in the configuration. One line each. */
export const drivers = {
  caddy: { capabilities: CADDY_CAPABILITIES, create: createCaddyDriver },
  // Depends on the program behind it.
  edge: { capabilities: undefined, create: createEdgeDriver },
  // Depends on what the script knows.
  webhook: { capabilities: undefined, create: createWebhookDriver },
  dataplane: { capabilities: HAPROXY_CAPABILITIES, create: createDataplaneDriver },
} as const
