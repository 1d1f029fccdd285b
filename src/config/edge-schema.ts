import { z } from 'zod'
import { canonicalAddress } from '../model/address.ts'
import { chooseOne } from './choice.ts'
import { address, addresses, cidr, durationMs, label, parsed, port, range, settings } from './schema.ts'

/** Reads `0.0.0.0:7443` or `[::]:7443`. Port 0 lets the system choose. */
function readEndpoint(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = canonicalAddress(bracketed ?? plain ?? '')
  return host === undefined || Number(digits) > 65_535 ? undefined : { host, port: Number(digits) }
}

/** Reads `16MiB`. */
function readBytes(text: string): number | undefined {
  const [, digits, unit] = /^([1-9]\d{0,5})(KiB|MiB)$/.exec(text) ?? []
  return digits === undefined ? undefined : Number(digits) * (unit === 'KiB' ? 1_024 : 1_048_576)
}

const endpoint = parsed(readEndpoint, 'is not an address with a port like 0.0.0.0:7443 or [::]:7443')
const bytes = parsed(readBytes, 'is not a size like 512KiB or 16MiB')
const file = z.string().min(1, 'needs the path of a file')
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

const haproxySchema = z.strictObject({
  /** Ours, loaded by HAProxy's last -f. */
  configFile: file.default('/var/lib/fairway-edge/haproxy/fairway.cfg'),
  adminFiles: z.array(file).default(['/etc/haproxy/haproxy.cfg']),
  masterSocket: file.default('/run/haproxy-master.sock'),
  binary: file.default('/usr/sbin/haproxy'),
  minReloadInterval: durationMs.prefault('1s'),
  hardStopAfter: durationMs.optional(),
})

/** The shape of edge.yaml. What holds between keys is in edge-config.ts. */
export const edgeSchema = z.strictObject({
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
  /** Each kind of program that src/edge/engines has is one key here. */
  engine: z
    .strictObject({ haproxy: haproxySchema.optional() })
    .transform(({ haproxy }, context) =>
      chooseOne({ haproxy: haproxy && { kind: 'haproxy' as const, ...haproxy } }, context),
    ),
  limits: z
    .strictObject({
      body: bytes.prefault('16MiB'),
      frontends: count.default(10_000),
      classes: count.default(32),
      apply: durationMs.prefault('10s'),
      request: durationMs.prefault('30s'),
    })
    .prefault({}),
})

export type EdgeConfig = z.output<typeof edgeSchema>
export type EdgeFrontend = EdgeConfig['frontends'][number]
