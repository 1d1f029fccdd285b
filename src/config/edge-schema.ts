import * as z from 'zod'
import { chooseOne } from './choice.ts'
import { engineSchema, enginesSchema } from './edge-engines.ts'
import { webhookSchema } from './edge-webhook.ts'
import { endpoint } from './endpoint.ts'
import { file } from './file.ts'
import { address, addresses, cidr, durationMs, label, parsed, port, range, settings } from './schema.ts'

/** Reads `16MiB`. */
function readBytes(text: string): number | undefined {
  const [, digits, unit] = /^([1-9]\d{0,5})(KiB|MiB)$/.exec(text) ?? []
  return digits === undefined ? undefined : Number(digits) * (unit === 'KiB' ? 1_024 : 1_048_576)
}

const bytes = parsed(readBytes, 'is not a size like 512KiB or 16MiB')
const count = z.number().int().min(1)

/** Interfaces of Linux have short names, and none looks like an option of a program. */
const device = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,14}$/, 'must be the name of an interface, like eth0')

const frontendSchema = z.strictObject({
  name: label,
  address,
  port,
  protocol: z.enum(['TCP', 'UDP']).default('TCP'),
  targetPort: port.optional(),
  targets: addresses,
  sourceRanges: z.array(cidr).default([]),
  settings,
})

const keys = z.strictObject({
  listen: endpoint.prefault('0.0.0.0:7443'),
  tls: z.strictObject({ certFile: file, keyFile: file, clientCaFile: file.optional() }),
  stateDir: file.default('/var/lib/fairway-edge'),
  tokensFile: file.default('tokens.yaml'),
  status: z.union([z.literal('off'), endpoint]).prefault('127.0.0.1:7444'),
  addresses: z.array(range).min(1, 'needs at least one address, range or CIDR').optional(),
  manageAddresses: z.strictObject({ interface: device }).optional(),
  publish: z.record(z.string(), z.union([z.literal('*'), address])).default({}),
  ports: z.strictObject({ deny: z.array(port).default([]) }).prefault({}),
  targets: z.strictObject({ allow: z.array(range).default([]) }).prefault({}),
  frontends: z.array(frontendSchema).default([]),
  webhook: webhookSchema.optional(),
  engine: engineSchema.optional(),
  engines: enginesSchema.optional(),
  limits: z
    .strictObject({
      body: bytes.prefault('16MiB'),
      frontends: count.default(10_000),
      entries: count.default(50_000),
      targets: count.default(200_000),
      classes: count.default(32),
      apply: durationMs.prefault('10s'),
      request: durationMs.prefault('30s'),
    })
    .prefault({}),
})

/** The shape of edge.yaml. What holds between keys is in edge-config.ts. */
export const edgeSchema = keys.transform(({ engine, engines, ...rest }, context) => ({
  ...rest,
  engine: chooseOne({ engine, engines: engines && { kind: 'pair' as const, ...engines } }, context),
}))

export type EdgeConfig = z.output<typeof edgeSchema>
export type EdgeFrontend = EdgeConfig['frontends'][number]
