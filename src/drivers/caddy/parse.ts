import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { canonicalAddress } from '../../model/address.ts'
import {
  type Balance,
  type Frontend,
  type HealthCheck,
  makeTable,
  type ProxyProtocol,
  type Table,
  type Target,
  type TargetGroup,
} from '../../model/table.ts'
import { parseServerId } from './names.ts'
import { POLICIES, type RenderContext, renderServer } from './render.ts'
import { type HandlerJson, type ServerJson, serverShape } from './shape.ts'

/** A server read back. The group is still open: many servers share one. */
export interface ParsedServer {
  readonly frontend: Omit<Frontend, 'group'>
  readonly targets: readonly Target[]
}

interface Routing extends Pick<Frontend, 'targetPort' | 'proxyProtocol' | 'balance' | 'healthCheck'> {
  readonly dials: readonly Dial[]
}

interface Dial {
  readonly address: string
  readonly port: number
}

/**
 * Reads a server back as the frontend that `renderServer` wrote it for, or undefined when that would render differently: then somebody has
 * edited it, or the listen map has changed.
 */
export function parseServer(context: RenderContext, json: unknown): ParsedServer | undefined {
  const shaped = serverShape.safeParse(json)
  const parsed = shaped.success ? readServer(shaped.data) : undefined
  if (parsed === undefined) return undefined
  try {
    const rendered = renderServer(context, { ...parsed.frontend, group: '' }, parsed.targets)
    return isDeepStrictEqual(rendered, json) ? parsed : undefined
  } catch {
    // Well-formed, but nothing that we would write: a placeholder for an address, a port out of range.
    return undefined
  }
}

function readServer(server: ServerJson): ParsedServer | undefined {
  const name = parseServerId(server['@id'])?.name
  const [route] = server.routes
  const routing = readHandler(server['@id'], route.handle[0])
  if (name === undefined || routing === undefined) return undefined
  const { targetPort, proxyProtocol, balance, healthCheck, dials } = routing
  const frontend = {
    address: name.address,
    port: name.port,
    protocol: name.protocol,
    targetPort,
    proxyProtocol,
    balance,
    healthCheck,
    idleTimeoutMs: server.idle_timeout === undefined ? undefined : readDuration(server.idle_timeout),
    maxConnections: undefined,
    sourceRanges: route.match?.[0].remote_ip.ranges ?? [],
    hosts: [],
    service: undefined,
  }
  return { frontend, targets: dials.map((dial) => readTarget(dial, targetPort)) }
}

function readTarget({ address, port }: Dial, targetPort: number): Target {
  return { name: address, address, ...(port === targetPort ? {} : { port }) }
}

function readHandler(id: string, handler: HandlerJson): Routing | undefined {
  const note = handler['@id'] === undefined ? undefined : readNote(id, handler['@id'])
  if (handler.handler === 'close') return note === undefined ? undefined : { ...note, dials: [] }
  const dials = handler.upstreams.map(({ dial }) => readDial(dial[0]))
  const [first] = dials
  if (first === undefined || !dials.every((dial) => dial !== undefined)) return undefined
  const policy = handler.load_balancing.selection.policy
  const balance = BALANCES.find((one) => POLICIES[one] === policy)
  return {
    targetPort: note?.targetPort ?? first.port,
    proxyProtocol: handler.proxy_protocol ?? 'off',
    balance: balance ?? 'round-robin',
    healthCheck: handler.health_checks.active === undefined ? 'off' : 'tcp',
    dials,
  }
}

const BALANCES: readonly Balance[] = ['round-robin', 'random', 'source']
const PROXY_PROTOCOLS: readonly ProxyProtocol[] = ['off', 'v1', 'v2']
const HEALTH_CHECKS: readonly HealthCheck[] = ['off', 'tcp']

/** Reads what `noteOf` wrote. */
function readNote(id: string, text: string): Omit<Routing, 'dials'> | undefined {
  if (!text.startsWith(`${id}.to.`)) return undefined
  const [port, ...words] = text.slice(`${id}.to.`.length).split('.')
  const proxyProtocol = PROXY_PROTOCOLS.find((one) => one === words[0])
  const balance = BALANCES.find((one) => one === words[1])
  const healthCheck = HEALTH_CHECKS.find((one) => one === words[2])
  if (proxyProtocol === undefined || balance === undefined || healthCheck === undefined) return undefined
  return { targetPort: Number(port), proxyProtocol, balance, healthCheck }
}

function readDial(text: string): Dial | undefined {
  const match = /^(?:udp\/)?(?:\[([0-9a-f:]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text)
  const address = canonicalAddress(match?.[1] ?? match?.[2] ?? '')
  return address === undefined ? undefined : { address, port: Number(match?.[3]) }
}

function readDuration(text: string): number {
  const match = /^(\d{1,12})(ms|s)$/.exec(text)
  return match === null ? Number.NaN : Number(match[1]) * (match[2] === 's' ? 1000 : 1)
}

/** Makes a table of what was read back. Groups of equal content become one, however many frontends share it, and are named by that content. */
export function tableOf(servers: Iterable<ParsedServer>): Table {
  const groups = new Map<string, TargetGroup>()
  const frontends = Array.from(servers, ({ frontend, targets }) => {
    const content = targets.map(({ address, port }) => `${address} ${port ?? ''}`).join('\n')
    const group = groups.get(content) ?? { id: contentId(content), targets }
    groups.set(content, group)
    return { ...frontend, group: group.id }
  })
  return makeTable(frontends, groups.values())
}

function contentId(content: string): string {
  return `content-${createHash('sha256').update(content).digest('hex').slice(0, 16)}`
}
