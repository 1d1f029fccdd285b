import * as z from 'zod'
import { type Abilities, type Capabilities, protocolsOf } from './driver.ts'

/** Of a list those words that are known here: what a newer edge can do beside that, nobody here asks of it. */
function words<T extends string>(...known: readonly T[]) {
  const all: ReadonlySet<string> = new Set(known)
  return z.array(z.string()).transform((list) => list.filter((one): one is T => all.has(one)))
}

const protocol = words('TCP', 'UDP')
const proxyProtocol = words('off', 'v1', 'v2')

const both = {
  balance: words('round-robin', 'least-connections', 'source', 'random'),
  healthCheck: words('tcp', 'http'),
  checkPort: z.boolean(),
  checkThresholds: z.boolean(),
  affinityTimeout: z.boolean(),
  drain: z.boolean(),
  sourceRanges: z.boolean(),
  hosts: z.boolean(),
  maxConnections: z.boolean(),
}

const abilities = z.object({ ...both, proxyProtocol, idleTimeout: z.boolean() })

/** Checks and hosts are of TCP, all else holds for both. */
const flat = z.object({
  ...both,
  protocols: protocol,
  proxyProtocol: z.object({ TCP: proxyProtocol, UDP: proxyProtocol }),
  idleTimeout: protocol,
})

/** What an edge says that it can do, as its operator reads it. An edge of before there were pairs says it without `byProtocol`. */
export const capabilitiesSchema = flat
  .extend({ byProtocol: z.object({ TCP: abilities.exactOptional(), UDP: abilities.exactOptional() }).exactOptional() })
  .transform(({ byProtocol, protocols, ...rest }): Capabilities => {
    const found = byProtocol ?? Object.fromEntries(protocols.map((one) => [one, unfold(rest, one)]))
    return { TCP: found['TCP'], UDP: found['UDP'] }
  })

function unfold(rest: Omit<z.output<typeof flat>, 'protocols'>, one: 'TCP' | 'UDP'): Abilities {
  return {
    ...rest,
    proxyProtocol: rest.proxyProtocol[one],
    healthCheck: one === 'TCP' ? rest.healthCheck : [],
    hosts: one === 'TCP' && rest.hosts,
    idleTimeout: rest.idleTimeout.includes(one),
  }
}

/** The same as an edge says it, for operators of any age: one that knows of no `byProtocol` asks for nothing that a protocol lacks. */
export function sayCapabilities(able: Capabilities): z.input<typeof capabilitiesSchema> {
  const protocols = protocolsOf(able)
  const all = protocols.flatMap((one) => able[one] ?? [])
  const everyOne = (can: (one: Abilities) => boolean) => all.every(can)
  const { TCP, UDP } = able
  return {
    protocols: [...protocols],
    proxyProtocol: { TCP: [...(TCP?.proxyProtocol ?? [])], UDP: [...(UDP?.proxyProtocol ?? [])] },
    balance: (all[0]?.balance ?? []).filter((one) => everyOne(({ balance }) => balance.includes(one))),
    healthCheck: [...(TCP?.healthCheck ?? [])],
    checkPort: TCP?.checkPort ?? false,
    checkThresholds: TCP?.checkThresholds ?? false,
    affinityTimeout: everyOne(({ affinityTimeout }) => affinityTimeout),
    drain: all.some(({ drain }) => drain),
    sourceRanges: everyOne(({ sourceRanges }) => sourceRanges),
    hosts: TCP?.hosts ?? false,
    maxConnections: everyOne(({ maxConnections }) => maxConnections),
    idleTimeout: protocols.filter((one) => able[one]?.idleTimeout),
    byProtocol: { ...(TCP && { TCP: writable(TCP) }), ...(UDP && { UDP: writable(UDP) }) },
  }
}

function writable({ proxyProtocol: versions, balance, healthCheck, ...rest }: Abilities): z.output<typeof abilities> {
  return { ...rest, proxyProtocol: [...versions], balance: [...balance], healthCheck: [...healthCheck] }
}
