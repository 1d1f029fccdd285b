import * as z from 'zod'
import { canonicalAddress, canonicalCidr } from '../../model/address.ts'
import { isHostName } from '../../model/hosts.ts'
import { compareText, type Frontend, type Target } from '../../model/table.ts'
import type { Route } from './backends.ts'
import type { Section } from './sections.ts'

const count = z.number().int().min(1)
const portNumber = count.max(65_535)

const checkShape = z.strictObject({
  kind: z.enum(['tcp', 'http']),
  port: portNumber.optional(),
  intervalMs: count,
  timeoutMs: count,
  rise: count,
  fall: count,
  derived: z.boolean(),
})

/** What the mark on a socket says of one of its frontends: what is nowhere else to be read, and the names of its backends. */
const routeShape = z.strictObject({
  hosts: z.array(z.string().refine(isHostName)),
  targetPort: portNumber,
  proxyProtocol: z.enum(['off', 'v1', 'v2']),
  balance: z.enum(['round-robin', 'least-connections', 'source', 'random']),
  healthCheck: checkShape.optional(),
  affinityMs: count.optional(),
  idleTimeoutMs: count.optional(),
  maxConnections: count.optional(),
  sourceRanges: z.array(z.string().refine((text) => canonicalCidr(text) === text)),
  to: z.string(),
  fallback: z.string().optional(),
  check: z.string().optional(),
  port: portNumber.optional(),
})

const marksShape = z.array(routeShape).min(1)

/** What `readRoutes` reads. Fields that are undefined are not written. */
export function markOf({ frontend, to, fallback, check, port }: Route): object {
  const { address: _address, port: _port, protocol: _protocol, service: _service, ...settings } = frontend
  const mark: unknown = JSON.parse(JSON.stringify({ ...settings, to, fallback, check, port }))
  return typeof mark === 'object' && mark !== null ? mark : {}
}

/** Reads the routes of a socket by its mark, with their targets by the servers that they name; undefined where the mark is none of ours. */
export function readRoutes(
  socket: Pick<Frontend, 'address' | 'port' | 'protocol'>,
  marks: unknown,
  backends: ReadonlyMap<string, Section>,
): readonly Route[] | undefined {
  const parsed = marksShape.safeParse(marks)
  return parsed.data?.map(({ to, fallback, check, port, ...settings }) => {
    const { healthCheck, affinityMs, idleTimeoutMs, maxConnections } = settings
    const { address, protocol } = socket
    const frontend = {
      ...settings,
      address,
      protocol,
      port: socket.port,
      service: undefined,
      healthCheck: healthCheck && { ...healthCheck, port: healthCheck.port },
      affinityMs,
      idleTimeoutMs,
      maxConnections,
    }
    return { frontend, targets: readTargets(backends.get(to), port), to, fallback, check, port }
  })
}

const serversShape = z.record(
  z.string(),
  z.object({ address: z.string(), port: z.number().optional(), weight: z.number().optional() }),
)

/** The servers of a backend as targets; what is no address is none. `port` is the one of targets that have none of their own. */
function readTargets(section: Section | undefined, port: number | undefined): readonly Target[] {
  const servers = Object.values(serversShape.safeParse(section?.['servers']).data ?? {})
  const targets = servers.flatMap((server): readonly Target[] => {
    const { address, weight } = server
    if (canonicalAddress(address) !== address) return []
    const own = server.port === undefined || server.port === port ? {} : { port: server.port }
    return [{ name: '', address, ...own, ...(weight === 0 ? { draining: 'cordoned' } : {}) }]
  })
  return targets.toSorted((a, b) => compareText(a.address, b.address) || (a.port ?? 0) - (b.port ?? 0))
}
