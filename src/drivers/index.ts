import { CADDY_CAPABILITIES, createCaddyDriver } from './caddy.ts'

/** The kinds of proxies, by their key in the configuration. One line each. */
export const drivers = {
  caddy: { capabilities: CADDY_CAPABILITIES, create: createCaddyDriver },
} as const
