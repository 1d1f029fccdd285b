import * as z from 'zod'
import { readPort } from '../desired/annotation-values.ts'
import { fixedSettings } from '../desired/fixed.ts'
import { CHECK_DEFAULTS } from '../model/checks.ts'
import type { Frontend } from '../model/table.ts'
import { checkSettings } from './check-frontends.ts'
import { endpoint } from './endpoint.ts'
import type { ConfigIssue } from './issue.ts'
import { addresses, durationMs, label, parsed, port, range, settings } from './schema.ts'

export interface PortRange {
  readonly first: number
  readonly last: number
}

/** Reads `8080-8090`; a port alone is a number. */
function readPorts(text: string): PortRange | undefined {
  const [start = '', end = start, ...rest] = text.split('-')
  const [first, last] = [readPort(start), readPort(end)]
  return first === undefined || last === undefined || first > last || rest.length > 0 ? undefined : { first, last }
}

const file = z.string().min(1, 'needs the path of a file')
const onePort = port.transform((number): PortRange => ({ first: number, last: number }))
const ports = z.union([onePort, parsed(readPorts, 'is not a port, or a range of ports like 8080-8090')])

/** The key `webhook` of edge.yaml: who calls as the clients of poor-mans-k8s-lb do. Off where it is not there. */
export const webhookSchema = z.strictObject({
  /** Where it listens on its own; default: it is answered where clusters are. */
  listen: endpoint.optional(),
  /** Of `listen`; default: the certificate that clusters see. */
  tls: z.union([z.literal('off'), z.strictObject({ certFile: file, keyFile: file })]).optional(),
  /** Holds the token; several lines are several tokens, each of which is good. */
  tokenFile: file,
  /** Of the owner `webhook/NAME`. */
  name: label.default('default'),
  /** Where the ports are opened. */
  addresses,
  /** Ports that may be asked for. */
  ports: z.array(ports).min(1, 'needs at least one port'),
  /** Where traffic may be led. */
  targets: z.array(range).min(1, 'needs at least one address, range or CIDR'),
  /** Who does not call again within this time is forgotten. */
  expire: z.union([z.literal('off'), durationMs]).prefault('20m'),
  settings,
})

export type WebhookConfig = z.output<typeof webhookSchema>

/** Rules between its keys. */
export function checkWebhook(webhook: WebhookConfig | undefined): readonly ConfigIssue[] {
  if (webhook === undefined) return []
  const { listen, tls } = webhook
  const message = 'needs listen: without it, calls come to the certificate and port that clusters come to'
  const alone: ConfigIssue[] = tls !== undefined && listen === undefined ? [{ path: ['webhook', 'tls'], message }] : []
  const style = checkSettings({ settings: webhook.settings, protocol: 'TCP' }, ['webhook', 'settings'])
  const hosts = 'cannot be: a call asks for all of a port'
  const named = 'hosts' in webhook.settings ? [{ path: ['webhook', 'settings', 'hosts'], message: hosts }] : []
  return [...alone, ...style, ...named]
}

/** The same with its paths from the folder of edge.yaml. */
export function withWebhookPaths(webhook: WebhookConfig, from: (path: string) => string): WebhookConfig {
  const { tls, tokenFile } = webhook
  const files = tls === undefined || tls === 'off' ? tls : { certFile: from(tls.certFile), keyFile: from(tls.keyFile) }
  return { ...webhook, tokenFile: from(tokenFile), ...(files === undefined ? {} : { tls: files }) }
}

/** How ports are served that calls ask for. */
export type WebhookStyle = ReturnType<typeof webhookStyle>

/**
 * What the settings say; and targets are connected to now and then unless they say something of that, since those that are gone do not say goodbye. As
 * nobody asked for it, such a check closes no port.
 */
export function webhookStyle(
  said: WebhookConfig['settings'],
): Omit<Frontend, 'address' | 'port' | 'protocol' | 'group' | 'targetPort' | 'sourceRanges' | 'service'> {
  const style = fixedSettings(said, 'TCP')
  if ('health-check' in said) return style
  return { ...style, healthCheck: { kind: 'tcp', port: undefined, ...CHECK_DEFAULTS, derived: true } }
}
