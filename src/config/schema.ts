import * as z from 'zod'
import { READERS, readPort } from '../desired/annotation-values.ts'
import type { FixedTargets } from '../desired/spec.ts'
import { canonicalAddress, canonicalCidr, parseRange } from '../model/address.ts'
import { parseDuration } from '../model/duration.ts'
import { LABEL } from '../model/names.ts'
import { chooseOne } from './choice.ts'

/** A string that `read` turns into a value; undefined from it is the given complaint. */
export function parsed<T>(read: (text: string) => T | undefined, complaint: string) {
  return z.string().transform((text, context) => {
    const value = read(text)
    if (value === undefined) context.addIssue({ code: 'custom', message: `"${text}" ${complaint}` })
    return value ?? z.NEVER
  })
}

/** Keys that say something themselves, as a map: `read` gives what one key stands for; undefined from it is the given complaint. */
function keyed<K extends string | number, S extends z.ZodType>(
  value: S,
  read: (key: string) => readonly K[] | undefined,
  complaint: string,
) {
  const record = z.record(z.string(), value).prefault({})
  return record.transform((entries, context): ReadonlyMap<K, z.output<S>> => {
    const map = new Map<K, z.output<S>>()
    for (const [text, given] of Object.entries(entries)) {
      const keys = read(text)
      const twice = keys?.find((key, index) => map.has(key) || keys.indexOf(key) !== index)
      if (keys === undefined) context.addIssue({ code: 'custom', path: [text], message: `"${text}" ${complaint}` })
      if (twice !== undefined) context.addIssue({ code: 'custom', path: [text], message: `${twice} is there twice` })
      for (const key of keys ?? []) map.set(key, given)
    }
    return map
  })
}

export const label = z.string().regex(LABEL, 'must be a DNS label: lower case letters, digits and dashes, at most 63')
export const address = parsed(canonicalAddress, 'is not an IPv4 or IPv6 address')
export const addresses = z.array(address).min(1, 'needs at least one address')
export const range = parsed(parseRange, 'is not an address, a range first-last, or a CIDR without host bits')
export const cidr = parsed(canonicalCidr, 'is not a CIDR like 198.51.100.0/24')
export const durationMs = parsed(parseDuration, 'is not a duration like 250ms, 30s, 5m or 1h')
export const port = z.number().int().min(1).max(65_535)
const addressType = z.enum(['ExternalIP', 'InternalIP'])
/** Annotations by their names without prefix. */
export const settings = z.record(z.string(), z.string()).default({})

const namespaces = z.array(label).min(1, 'needs at least one namespace')
const reservedPorts = keyed(namespaces, readPorts, 'is not a port, or a list of ports like "80,443"')
const reservedHosts = keyed(namespaces, READERS.hosts.read, 'is not a host name in lower case, or *. before one')
const quotas = keyed(
  z.number().int().min(0),
  (key) => (key === '*' || LABEL.test(key) ? [key] : undefined),
  'is not a namespace, or "*" for all others',
)

function readPorts(text: string): readonly number[] | undefined {
  const ports = text.split(',').map((part) => readPort(part.trim()))
  return ports.every((one) => one !== undefined) ? ports : undefined
}

const poolSchema = z.strictObject({
  name: label,
  addresses: z.array(range).min(1, 'needs at least one address, range or CIDR'),
  autoAssign: z.boolean().default(true),
  avoidEdgeAddresses: z.boolean().default(false),
  namespaces: z.array(label).default([]),
  priority: z.number().int().min(0).default(0),
  proxies: z.array(label).default([]),
})

/** How an admin API is reached, whatever the kind of proxy. */
const access = {
  url: z.url({ protocol: /^https?$/, error: 'must be an http or https URL like https://10.1.0.100:2021' }),
  insecure: z.boolean().default(false),
  certFile: z.string().min(1).optional(),
  keyFile: z.string().min(1).optional(),
  caFile: z.string().min(1).optional(),
  timeout: durationMs.prefault('10s'),
}

const caddySchema = z.strictObject({ ...access, probe: z.boolean().default(true) })

/** With a token, or with a client certificate. */
const edgeSchema = z.strictObject({ ...access, tokenFile: z.string().min(1).optional() })

/** With a user of the API, or with a client certificate. */
const dataplaneSchema = z.strictObject({
  ...access,
  userFile: z.string().min(1).optional(),
  probe: z.boolean().default(true),
  reloadTimeout: durationMs.prefault('30s'),
})

/** What a script's hook is called with, and how often. */
const webhookSchema = z.strictObject({
  ...access,
  tokenFile: z.string().min(1),
  header: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/, 'must be the name of a header')
    .default('X-Funkypenguin-Token'),
  sendProxy: z.enum(['off', 'v1', 'v2']).default('off'),
  resend: durationMs.prefault('10m'),
  spacing: z.union([z.literal('off').transform(() => 0), durationMs]).prefault('1s'),
})

/** Each kind of proxy that src/drivers has is one key here, and becomes the `kind` of the proxy's `access`. */
const proxySchema = z
  .strictObject({
    name: label,
    caddy: caddySchema.optional(),
    edge: edgeSchema.optional(),
    dataplane: dataplaneSchema.optional(),
    webhook: webhookSchema.optional(),
    listen: z.record(z.string(), z.union([z.literal('*'), address])).default({}),
  })
  .transform(({ name, listen, caddy, edge, dataplane, webhook }, context) => ({
    name,
    listen,
    access: chooseOne(
      {
        caddy: caddy && { kind: 'caddy' as const, ...caddy },
        edge: edge && { kind: 'edge' as const, ...edge },
        dataplane: dataplane && { kind: 'dataplane' as const, ...dataplane },
        webhook: webhook && { kind: 'webhook' as const, ...webhook },
      },
      context,
    ),
  }))

const frontendSchema = z
  .strictObject({
    name: label,
    address: address.optional(),
    addresses: addresses.optional(),
    port,
    protocol: z.enum(['TCP', 'UDP']).default('TCP'),
    targetPort: port.optional(),
    nodes: z.string().optional(),
    targets: addresses.optional(),
    service: parsed(readServiceName, 'is not a Service like default/kubernetes').optional(),
    sourceRanges: z.array(cidr).default([]),
    settings,
  })
  .transform(({ nodes, targets, service, ...rest }, context) => ({
    ...rest,
    targetPort: rest.targetPort ?? rest.port,
    targets: chooseOne<FixedTargets>(
      {
        nodes: nodes === undefined ? undefined : { kind: 'nodes', selector: nodes },
        targets: targets && { kind: 'addresses', addresses: targets },
        service: service && { kind: 'service', ...service },
      },
      context,
    ),
  }))

function readServiceName(text: string): { readonly namespace: string; readonly name: string } | undefined {
  const [namespace = '', name = '', ...rest] = text.split('/')
  return rest.length === 0 && LABEL.test(namespace) && LABEL.test(name) ? { namespace, name } : undefined
}

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
  evict: z.boolean().default(false),
  ports: z.strictObject({ deny: z.array(port).default([]), reserve: reservedPorts }).prefault({}),
  hosts: reservedHosts,
  namespaces: z
    .strictObject({ allow: z.array(z.union([z.literal('*'), label])).default(['*']), quota: quotas })
    .prefault({}),
  defaults: settings,
  nodes: z
    .strictObject({
      addressTypes: z.array(addressType).min(1).default(['ExternalIP', 'InternalIP']),
      selector: z.string().default(''),
      maxTargets: z.number().int().min(0).default(0),
    })
    .prefault({}),
  pods: z.strictObject({ cidrs: z.array(range).default([]) }).prefault({}),
  frontends: z.array(frontendSchema).default([]),
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
export type FrontendConfig = ClassConfig['frontends'][number]
