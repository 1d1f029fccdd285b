import * as z from 'zod'

/**
 * The part of caddy-l4's JSON that we write, v0.1.0 and later. Fields that came later (`weight`, `fall`, `rise`) are left alone: an unknown
 * field makes Caddy reject the whole configuration. Strict, so that a server with anything else in it is seen as edited.
 */
const passive = z.strictObject({ fail_duration: z.string(), max_fails: z.number() })
const active = z.strictObject({ interval: z.string(), timeout: z.string() })

const proxyHandler = z.strictObject({
  handler: z.literal('proxy'),
  '@id': z.string().optional(),
  upstreams: z.array(z.strictObject({ dial: z.tuple([z.string()]) })),
  proxy_protocol: z.enum(['v1', 'v2']).optional(),
  load_balancing: z.strictObject({
    selection: z.strictObject({ policy: z.enum(['round_robin', 'random', 'ip_hash']) }),
    try_duration: z.string(),
    try_interval: z.string(),
  }),
  health_checks: z.strictObject({ passive, active: active.optional() }),
})

const closeHandler = z.strictObject({ handler: z.literal('close'), '@id': z.string().optional() })

const servingHandler = z.discriminatedUnion('handler', [proxyHandler, closeHandler])

const remoteIp = z.strictObject({ ranges: z.array(z.string()) })

/** Serves clients in the ranges, and closes all others. */
const subrouteHandler = z.strictObject({
  handler: z.literal('subroute'),
  routes: z.tuple([
    z.strictObject({ match: z.tuple([z.strictObject({ remote_ip: remoteIp })]), handle: z.tuple([servingHandler]) }),
    z.strictObject({ handle: z.tuple([z.strictObject({ handler: z.literal('close') })]) }),
  ]),
})

export const routeShape = z.strictObject({
  match: z
    .tuple([
      z.strictObject({
        tls: z.strictObject({ sni: z.array(z.string()) }).optional(),
        remote_ip: remoteIp.optional(),
      }),
    ])
    .optional(),
  handle: z.tuple([z.discriminatedUnion('handler', [proxyHandler, closeHandler, subrouteHandler])]),
})

/** A server but for its routes, which are read one by one. */
export const shellShape = z.strictObject({
  '@id': z.string(),
  listen: z.tuple([z.string()]),
  idle_timeout: z.string().optional(),
  routes: z.array(z.unknown()),
})

export type RouteJson = z.output<typeof routeShape>
export type HandlerJson = z.output<typeof servingHandler>
export type ProxyHandlerJson = z.output<typeof proxyHandler>
export type ShellJson = Omit<z.output<typeof shellShape>, 'routes'>
export interface ServerJson extends ShellJson {
  /** Ours, and where somebody has edited them, theirs. */
  readonly routes: readonly unknown[]
}
