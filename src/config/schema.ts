import { z } from 'zod'
import { canonicalAddress, parseRange } from '../model/address.ts'
import { parseDuration } from '../model/duration.ts'
import { LABEL } from '../model/names.ts'

/** A string that `read` turns into a value; undefined from it is the given complaint. */
function parsed<T>(read: (text: string) => T | undefined, complaint: string) {
  return z.string().transform((text, context) => {
    const value = read(text)
    if (value === undefined) context.addIssue({ code: 'custom', message: `"${text}" ${complaint}` })
    return value ?? z.NEVER
  })
}

const label = z.string().regex(LABEL, 'must be a DNS label: lower case letters, digits and dashes, at most 63')
const address = parsed(canonicalAddress, 'is not an IPv4 or IPv6 address')
const range = parsed(parseRange, 'is not an address, a range first-last, or a CIDR without host bits')
const durationMs = parsed(parseDuration, 'is not a duration like 250ms, 30s, 5m or 1h')
const port = z.number().int().min(1).max(65_535)
const addressType = z.enum(['ExternalIP', 'InternalIP'])

const poolSchema = z.strictObject({
  name: label,
  addresses: z.array(range).min(1, 'needs at least one address, range or CIDR'),
  autoAssign: z.boolean().default(true),
  avoidEdgeAddresses: z.boolean().default(false),
  namespaces: z.array(label).default([]),
  priority: z.number().int().min(0).default(0),
})

const caddySchema = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'must be an http or https URL like https://10.1.0.100:2021' }),
  insecure: z.boolean().default(false),
  certFile: z.string().min(1).optional(),
  keyFile: z.string().min(1).optional(),
  caFile: z.string().min(1).optional(),
  probe: z.boolean().default(true),
  timeout: durationMs.prefault('10s'),
})

const proxySchema = z.strictObject({
  name: label,
  caddy: caddySchema,
  listen: z.record(z.string(), z.union([z.literal('*'), address])).default({}),
})

const classSchema = z.strictObject({
  name: label,
  default: z.boolean().default(false),
  loadBalancerClass: z
    .union([
      z
        .string()
        .min(1)
        .transform((one) => [one]),
      z.array(z.string().min(1)),
    ])
    .default([]),
  pools: z.array(poolSchema).min(1, 'needs at least one pool'),
  ports: z.strictObject({ deny: z.array(port).default([]) }).prefault({}),
  namespaces: z.strictObject({ allow: z.array(z.union([z.literal('*'), label])).default(['*']) }).prefault({}),
  defaults: z.record(z.string(), z.string()).default({}),
  nodes: z
    .strictObject({
      addressTypes: z.array(addressType).min(1).default(['ExternalIP', 'InternalIP']),
      selector: z.string().default(''),
    })
    .prefault({}),
  proxies: z.array(proxySchema).min(1, 'needs at least one proxy'),
})

const percent = parsed((text) => {
  const match = /^(\d{1,3})%$/.exec(text)
  const share = Number(match?.[1]) / 100
  return share <= 1 ? share : undefined
}, 'is not a share from 0% to 100%')

const guardSchema = z.strictObject({
  maxRemoval: percent.prefault('50%'),
  minFrontends: z.number().int().min(0).default(10),
})

/** The shape of fairway.yaml. What holds between keys is in checks.ts. */
export const configSchema = z.strictObject({
  cluster: label,
  classes: z.array(classSchema).min(1, 'needs at least one class'),
  guard: guardSchema.prefault({}),
  cleanupPatience: durationMs.prefault('10m'),
})

export type Config = z.output<typeof configSchema>
export type ClassConfig = Config['classes'][number]
export type PoolConfig = ClassConfig['pools'][number]
export type ProxyConfig = ClassConfig['proxies'][number]
