import * as z from 'zod'
import { chooseOne } from './choice.ts'
import { caddySchema } from './edge-engine-caddy.ts'
import { envoySchema } from './edge-engine-envoy.ts'
import { haproxySchema } from './edge-engine-haproxy.ts'
import { nginxSchema } from './edge-engine-nginx.ts'

/** Each kind of program that src/edge/engines has is one key here. */
const programs = {
  caddy: caddySchema.transform((keys) => ({ kind: 'caddy' as const, ...keys })).optional(),
  envoy: envoySchema.transform((keys) => ({ kind: 'envoy' as const, ...keys })).optional(),
  haproxy: haproxySchema.transform((keys) => ({ kind: 'haproxy' as const, ...keys })).optional(),
  nginx: nginxSchema.transform((keys) => ({ kind: 'nginx' as const, ...keys })).optional(),
}

/** The program that does all there is, or one protocol. */
export const engineSchema = z
  .strictObject(programs)
  .transform(({ caddy, envoy, haproxy, nginx }, context) => chooseOne({ caddy, envoy, haproxy, nginx }, context))

const udpSchema = z
  .strictObject({ ...programs, haproxy: z.undefined('forwards no UDP: give another program').optional() })
  .transform(({ caddy, envoy, nginx }, context) => chooseOne({ caddy, envoy, nginx }, context))

/** A program for each protocol. */
export const enginesSchema = z
  .strictObject({ tcp: engineSchema, udp: udpSchema })
  .superRefine(({ tcp, udp }, context) => {
    if (tcp.kind !== udp.kind) return
    const message = 'is the program for TCP already: write it once, under `engine`'
    context.addIssue({ code: 'custom', path: ['udp', udp.kind], message })
  })

export type EngineConfig = z.output<typeof engineSchema>
