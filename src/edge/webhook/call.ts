import * as z from 'zod'
import type { PortRange } from '../../config/edge-webhook.ts'
import { type AddressRange, canonicalAddress, inRange } from '../../model/address.ts'
import type { ProxyProtocol } from '../../model/table.ts'
import { readAs } from '../body.ts'
import { RequestError, refuse } from '../refusal.ts'

/** What a client asks for: that a port leads to an address, or does not any more. */
export type Call = AddCall | DeleteCall

export interface AddCall {
  readonly kind: 'add'
  /** Of what is behind the port, for people. */
  readonly name: string
  /** That clients of the proxy connect to. */
  readonly port: number
  readonly target: { readonly address: string; readonly port: number }
  /** Undefined: the client is of before `send-proxy`, or leaves it to us. */
  readonly proxyProtocol: ProxyProtocol | undefined
}

export interface DeleteCall {
  readonly kind: 'delete'
  readonly port: number
  /** Undefined: whatever the port leads to. */
  readonly address: string | undefined
}

/** What the administrator lets clients ask for. */
export interface CallRules {
  readonly ports: readonly PortRange[]
  readonly targets: readonly AddressRange[]
  /** Whether nobody's traffic may be led to an address, whatever `targets` says: it leads back to the machine, or nowhere. */
  readonly isForbidden: (address: string) => boolean
}

/** `send-proxy` as clients write it. The plain word is version 1, as HAProxy has it (configuration.txt, section 5.2). */
const SEND_PROXY: ReadonlyMap<string, ProxyProtocol | undefined> = new Map([
  ['', undefined],
  ...['false', 'no', 'off', '0'].map((word) => [word, 'off'] as const),
  ...['true', 'yes', 'on', '1', 'v1', 'send-proxy'].map((word) => [word, 'v1'] as const),
  ...['v2', 'send-proxy-v2'].map((word) => [word, 'v2'] as const),
])

/** Clients make their JSON in a shell: all of it is texts. Who writes it by hand writes numbers. */
const text = z.union([z.string(), z.number().transform(String)], { error: 'must be text' })
const name = text.refine((word) => /^[A-Za-z0-9._-]{0,100}$/.test(word), 'must be letters, digits, dots and dashes')
const port = text
  .refine((digits) => /^[1-9]\d{0,4}$/.test(digits) && Number(digits) <= 65_535, 'must be a port')
  .transform(Number)
const address = z.string().refine((one) => canonicalAddress(one) === one, 'must be an IPv4 or IPv6 address')
const sendProxy = z
  .union([text, z.boolean().transform(String)], { error: 'must be true, false, v1 or v2' })
  .transform((word) => word.toLowerCase())
  .refine((word) => SEND_PROXY.has(word), 'must be true, false, v1 or v2')
  .transform((word) => SEND_PROXY.get(word))

/** Keys that are not known are left alone, as their script does. */
const actionSchema = z.object({ action: z.enum(['add', 'delete'], { error: 'must be add or delete' }) })
const addSchema = z.object({
  name: name.default(''),
  'frontend-port': port,
  'backend-port': port,
  'dst-ip': address,
  'send-proxy': sendProxy.optional(),
})
const deleteSchema = z.object({ 'frontend-port': port, 'dst-ip': address.optional() })

/** Reads the body of a call. Throws a RequestError that says what is wrong with it, or what is not allowed. */
export function readCall(body: unknown, rules: CallRules): Call {
  const { action } = readAs(actionSchema, body, 'the body')
  const call = action === 'add' ? readAdd(body) : readDelete(body)
  checkPort(call.port, rules)
  if (call.kind === 'add') checkTarget(call.target.address, rules)
  return call
}

function readAdd(body: unknown): AddCall {
  const read = readAs(addSchema, body, 'the body')
  return {
    kind: 'add',
    name: read.name,
    port: read['frontend-port'],
    target: { address: read['dst-ip'], port: read['backend-port'] },
    proxyProtocol: read['send-proxy'],
  }
}

function readDelete(body: unknown): DeleteCall {
  const read = readAs(deleteSchema, body, 'the body')
  return { kind: 'delete', port: read['frontend-port'], address: read['dst-ip'] }
}

/** Whether a port may be asked for. */
export function isAllowed(number: number, { ports }: Pick<CallRules, 'ports'>): boolean {
  return ports.some(({ first, last }) => first <= number && number <= last)
}

function checkPort(number: number, rules: CallRules): void {
  if (isAllowed(number, rules)) return
  const remedy = "Use another frontend-port, or add it to `webhook.ports` in the proxy's edge.yaml"
  throw new RequestError(refuse('Forbidden', `port ${number} may not be asked for by calls`, remedy))
}

/** Whether calls may lead traffic to an address. */
export function isAllowedTarget(one: string, { targets, isForbidden }: Omit<CallRules, 'ports'>): boolean {
  return targets.some((allowed) => inRange(allowed, one)) && !isForbidden(one)
}

function checkTarget(one: string, rules: CallRules): void {
  if (isAllowedTarget(one, rules)) return
  const remedy = "Call with the address of a node, or add it to `webhook.targets` in the proxy's edge.yaml"
  throw new RequestError(refuse('Forbidden', `dst-ip ${one} is nowhere that calls may lead to`, remedy))
}
