import type { Frontend } from '../../model/table.ts'
import type { WebhookOptions } from './options.ts'

/** What is sent, as the clients of poor-mans-k8s-lb send it: all of it texts, from which the script makes lines of a configuration. */
export type Call = Readonly<Record<'name' | 'frontend-port' | 'backend-port' | 'dst-ip' | 'action', string>> & {
  readonly 'send-proxy'?: 'true' | ''
}

/** Whatever is beyond these could be more than a word to a shell or in a configuration. */
const WORD = /^[A-Za-z0-9._-]+$/

/** Where a frontend leads. */
export interface Destination {
  /** For people. */
  readonly name: string
  readonly address: string
  readonly port: number
}

/** The call that opens the port of a frontend, or leads it elsewhere. */
export function openCall(frontend: Frontend, to: Destination, options: WebhookOptions): Call {
  const { service, port, proxyProtocol } = frontend
  const { cluster, className } = options.owner
  const owner = [cluster, className, ...(service === undefined ? [] : [service.namespace, service.name])]
  return checked({
    name: owner.join('.'),
    'frontend-port': String(port),
    'backend-port': String(to.port),
    'dst-ip': to.address,
    action: 'add',
    ...(options.sendProxy === 'off' ? {} : { 'send-proxy': proxyProtocol === 'off' ? '' : 'true' }),
  })
}

/** The call that closes a port. Their script looks at the port alone, and wants the other words to be there. */
export function closeCall(port: number, { owner, sendProxy }: Pick<WebhookOptions, 'owner' | 'sendProxy'>): Call {
  return checked({
    name: `${owner.cluster}.${owner.className}`,
    'frontend-port': String(port),
    'backend-port': String(port),
    'dst-ip': '0.0.0.0',
    action: 'delete',
    ...(sendProxy === 'off' ? {} : { 'send-proxy': '' as const }),
  })
}

/** Throws for a word that none of ours can be: whatever made it has a defect. */
function checked(call: Call): Call {
  for (const word of Object.values(call)) {
    if (word !== '' && !WORD.test(word)) throw new TypeError(`${JSON.stringify(word)} must not be sent to a script`)
  }
  return call
}

/** Whether two calls would do the same. */
export function sameCall(a: Call | undefined, b: Call): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
