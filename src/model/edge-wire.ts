import * as z from 'zod'
import { canonicalAddress, canonicalCidr } from './address.ts'
import { capabilitiesSchema } from './edge-capabilities.ts'
import { isHostName } from './hosts.ts'
import { LABEL } from './names.ts'
import type { Problem, ProblemCode } from './problems.ts'
import type { Frontend, TargetGroup } from './table.ts'

/**
 * What the operator and `fairway edge` say to each other: JSON over HTTPS, version 1. Requests are read strictly, so that no wish is dropped in
 * silence; what is added to them is sent only to an edge that says it can do it.
 * Answers leave room for what a newer edge adds, see edge-heard.ts. Every text has a form without quotes, braces or line ends, whatever program it reaches.
 */
const address = z.string().refine((text) => canonicalAddress(text) === text, 'must be an address in canonical form')
const cidr = z.string().refine((text) => canonicalCidr(text) === text, 'must be a CIDR in canonical form')
const host = z.string().refine(isHostName, 'must be a host name in lower case, or *. before one')
const label = z.string().regex(LABEL, 'must be a DNS label')
const uid = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'must be a UID')
const port = z.int().min(1).max(65_535)
const count = z.int().min(1).max(2_147_483_647)
const durationMs = z
  .int()
  .min(1)
  .max(24 * 24 * 3_600_000)
const objectName = z.string().regex(/^[a-z0-9.-]{1,253}$/, 'must be a name')
/** Of a node or a pod, with its namespace; empty where nobody said. */
const targetName = z.string().regex(/^[A-Za-z0-9._:/-]{0,320}$/, 'must be a name')
/** Holds label selectors. */
export const groupId = z.string().regex(/^[\x20-\x7e]{1,1024}$/, 'must be 1 to 1024 printable ASCII characters')
const frontendKey = z.string().min(1).max(65_536)

/** More would not be read, and are not worth the memory: a large body may be wrong in a million places. */
const MOST_ISSUES = 3

/** A list that is read no further than to its first mistakes. */
function listOf<T>(entry: z.ZodType<T>) {
  return z.array(z.unknown()).transform((values, context) => {
    const read: T[] = []
    for (const [index, value] of values.entries()) {
      const { data, error } = entry.safeParse(value)
      if (error === undefined) read.push(data)
      for (const { path, message } of error?.issues.slice(0, MOST_ISSUES) ?? []) {
        context.addIssue({ code: 'custom', path: [index, ...path], message })
      }
      if (context.issues.length >= MOST_ISSUES) break
    }
    return context.issues.length === 0 ? read : z.NEVER
  })
}

/** A list whose order says nothing has one form only: sorted, each entry once. */
function sorted(entry: z.ZodType<string>) {
  return listOf(entry).refine((list) => list.every((one, index) => index === 0 || (list[index - 1] ?? '') < one), {
    message: 'must be sorted, with each entry once',
  })
}

const healthCheckSchema = z
  .strictObject({
    kind: z.enum(['tcp', 'http']),
    port: port.optional(),
    intervalMs: durationMs,
    timeoutMs: durationMs,
    rise: z.int().min(1).max(1000),
    fall: z.int().min(1).max(1000),
    derived: z.boolean(),
  })
  .transform((check) => ({ ...check, port: check.port }))

/** What is absent on the wire is undefined in the value, and the other way round. */
export const frontendSchema = z
  .strictObject({
    address,
    port,
    protocol: z.enum(['TCP', 'UDP']),
    group: groupId,
    targetPort: port,
    proxyProtocol: z.enum(['off', 'v1', 'v2']),
    balance: z.enum(['round-robin', 'least-connections', 'source', 'random']),
    healthCheck: healthCheckSchema.optional(),
    affinityMs: durationMs.optional(),
    idleTimeoutMs: durationMs.optional(),
    maxConnections: count.optional(),
    sourceRanges: sorted(cidr),
    hosts: sorted(host),
    service: z.strictObject({ namespace: label, name: objectName, uid }).optional(),
  })
  .refine(({ protocol, hosts }) => protocol === 'TCP' || hosts.length === 0, {
    path: ['hosts'],
    message: 'must be empty: UDP has no server names',
  })
  .transform(
    ({ healthCheck, affinityMs, idleTimeoutMs, maxConnections, service, ...rest }): Frontend => ({
      ...rest,
      healthCheck,
      affinityMs,
      idleTimeoutMs,
      maxConnections,
      service,
    }),
  )

export const targetSchema = z.strictObject({
  name: targetName,
  address,
  port: port.exactOptional(),
  draining: z.enum(['cordoned', 'leaving']).exactOptional(),
})

export const groupSchema: z.ZodType<TargetGroup> = z.strictObject({ id: groupId, targets: listOf(targetSchema) })

/** The content of a table, in any order; whether it holds together is for the reader to check. */
export const tableSchema = z.strictObject({ frontends: listOf(frontendSchema), groups: listOf(groupSchema) })

/** Whose the table is, and the writer's epoch: the transition count of its Lease, 0 where there is none to go by. */
const writer = { uid, epoch: z.int().min(0) }

/** PUT: the whole table. */
export const putSchema = z.strictObject({ ...writer, table: tableSchema })

/** PATCH: what changes of the table of the generation in If-Match. Removals must be there; what is set replaces what is there. */
export const patchSchema = z.strictObject({
  ...writer,
  frontends: z
    .strictObject({ set: listOf(frontendSchema).default([]), remove: listOf(frontendKey).default([]) })
    .prefault({}),
  groups: z
    .strictObject({
      set: listOf(groupSchema).default([]),
      change: listOf(
        z.strictObject({
          id: groupId,
          /** One with the address and port of a target that is there takes its place. */
          add: listOf(targetSchema).default([]),
          remove: listOf(z.strictObject({ address, port: port.exactOptional() })).default([]),
        }),
      ).default([]),
      remove: listOf(groupId).default([]),
    })
    .prefault({}),
})

/** PATCH in another form: the table as it is becomes the writer's. `adopts` is the UID of the cluster whose it was. */
export const adoptSchema = z.strictObject({ ...writer, adopts: uid })

/** DELETE, in the query. */
export const deleteSchema = z.strictObject({
  uid,
  epoch: z
    .string()
    .regex(/^\d{1,15}$/, 'must be a number')
    .transform(Number),
})

export type EdgePut = z.output<typeof putSchema>
export type EdgePatch = z.output<typeof patchSchema>

/** Codes that an edge puts into verdicts. One that this version does not know reads as ProxyRejected. */
const CODES = [
  'AddressInvalid',
  'AddressNotOnProxy',
  'AddressOutsidePools',
  'HostTaken',
  'NoTargets',
  'PortDenied',
  'PortTaken',
  'ProtocolUnsupported',
  'ProxyRejected',
  'ProxyUnreachable',
  'QuotaExceeded',
  'TargetRefused',
  'Unsupported',
  'WriteNotConfirmed',
] as const satisfies readonly ProblemCode[]

const problemSchema: z.ZodType<Problem> = z.object({
  code: z.enum(CODES).catch('ProxyRejected'),
  kind: z.enum(['transient', 'terminal', 'unsupported']).catch('terminal'),
  message: z.string(),
  remedy: z.string(),
})

const verdicts = {
  /** Only of frontends that are not plainly served. */
  verdicts: z.array(
    z.object({
      key: frontendKey,
      // In a state that is not known here, it is not known to be served.
      state: z.enum(['served', 'refused']).catch('refused'),
      problem: problemSchema.exactOptional(),
    }),
  ),
  /** What those behind served frontends should know all the same. */
  notices: z.array(z.object({ key: frontendKey, problem: problemSchema })),
}

const stored = { generation: z.int().min(1), uid, epoch: z.int().min(0) }

/** The answer to PUT and PATCH: the table is on disk, and served but for what the verdicts say. */
export const writeAnswerSchema = z.object({ ...stored, ...verdicts })

/** The answer to GET. */
export const tableAnswerSchema = z.object({
  ...stored,
  ...verdicts,
  /** Left out when `?known=` was the generation. */
  table: tableSchema.exactOptional(),
  /** The program could not be brought to the tables: nothing is known to be served as they say, until this is gone. */
  trouble: problemSchema.exactOptional(),
})

/** The answer to GET /v1/tables/CLUSTER: the tables of the cluster that the credential may read; with `?except=CLASS` without that one. */
export const tablesAnswerSchema = z.object({
  tables: z.array(
    z.object({
      class: label,
      ...stored,
      /** When the table was written last, as an ISO date. */
      writtenAt: z.string().exactOptional(),
      keys: z.array(frontendKey),
    }),
  ),
})

const protocol = z.enum(['TCP', 'UDP'])

/** The answer to GET /v1/info. */
export const infoSchema = z.object({
  version: z.string(),
  engine: z.object({ name: z.string(), version: z.string() }),
  capabilities: capabilitiesSchema,
  /** Ranges that frontends may use, as text; see AddressRange. */
  addresses: z.array(z.string()),
  /** What listens on the machine beside the tables of clusters. */
  listeners: z.array(
    z
      .object({
        protocol: protocol.optional().catch(undefined),
        address: z.string(),
        firstPort: port,
        lastPort: port,
        holder: z.string(),
      })
      .transform((listener) => ({ ...listener, protocol: listener.protocol })),
  ),
})

/** The answer to GET /v1/tables/CLUSTER/CLASS/health. */
export const healthAnswerSchema = z.object({
  targets: z.array(
    z.object({
      key: frontendKey,
      address: z.string(),
      port,
      state: z.enum(['up', 'down', 'draining', 'unchecked']).catch('unchecked'),
    }),
  ),
})

/** The body of every answer of 400 and above. `generation` comes with RevisionConflict: what the table is at, 0 if there is none. */
export const errorSchema = z.object({
  code: z.string(),
  message: z.string(),
  remedy: z.string(),
  generation: z.int().min(0).exactOptional(),
})

/** What an edge answers instead of doing what it was asked, with the status that goes with it. */
export const EDGE_ERRORS = {
  BodyInvalid: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  /** The table belongs to another cluster of the same name. */
  OwnerConflict: 409,
  /** A newer leader has written already. */
  StaleWriter: 409,
  /** The table is not of the generation in If-Match. */
  RevisionConflict: 412,
  BodyTooLarge: 413,
  TypeUnsupported: 415,
  QuotaExceeded: 422,
  PreconditionMissing: 428,
  /** A defect of the edge. */
  Internal: 500,
  /** The program could not be brought to the new tables, and keeps the ones before. */
  EngineFailed: 502,
  /** The program does not run, or does not answer in time. */
  EngineUnreachable: 503,
  /** Not now: the writes before it take too long, or the edge is starting or stopping. */
  Busy: 503,
  /** The table could not be kept. */
  DiskFailed: 507,
} as const

export type EdgeErrorCode = keyof typeof EDGE_ERRORS

/** As an operator reads it, and as an edge says it. */
export type EdgeInfo = z.output<typeof infoSchema>
export type EdgeInfoAnswer = z.input<typeof infoSchema>
export type TableAnswer = z.output<typeof tableAnswerSchema>
export type WriteAnswer = z.output<typeof writeAnswerSchema>
export type TablesAnswer = z.output<typeof tablesAnswerSchema>
export type HealthAnswer = z.output<typeof healthAnswerSchema>
export type EdgeError = z.output<typeof errorSchema>
