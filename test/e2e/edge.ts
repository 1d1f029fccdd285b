/** What a Caddy on the edge is asked: its configuration, its log, and the sockets in its namespace. */
import { readFileSync } from 'node:fs'
import type { Lab } from '../lab/lab.ts'
import type { CaddyProcess } from '../lab/proxy-caddy.ts'

export const serversPath = 'apps/layer4/servers'

export interface Server {
  readonly '@id'?: string
  readonly listen: readonly string[]
  readonly routes: readonly { readonly handle: readonly { readonly upstreams?: readonly Upstream[] }[] }[]
}

interface Upstream {
  readonly dial: readonly string[]
}

/** A request to the admin API, as Caddy's log has it. */
export interface AdminRequest {
  readonly method: string
  readonly uri: string
  /** Without a port. */
  readonly from: string
}

export interface Edge {
  /** A part of the configuration, byte for byte as Caddy gives it. */
  text(path: string, signal: AbortSignal): Promise<string>
  servers(signal: AbortSignal): Promise<Readonly<Record<string, Server>>>
  /** The server of a frontend of cluster `lab`, byte for byte; undefined when there is none. */
  serverText(key: string, signal: AbortSignal): Promise<string | undefined>
  /** Somebody's own hand at the admin API. */
  edit(method: 'PATCH' | 'PUT' | 'POST' | 'DELETE', path: string, body: unknown, signal: AbortSignal): Promise<void>
  /** From its log: since this Caddy was started for the first time. */
  requests(): readonly AdminRequest[]
  log(): string
}

export function createEdge(lab: Lab, caddy: Pick<CaddyProcess, 'adminUrl' | 'logFile'>): Edge {
  const ask = async (args: readonly string[], signal: AbortSignal) => {
    const { code, stdout, stderr } = await lab.inNamespace('edge', ['curl', '-sS', '-f', '-m', '5', ...args], signal)
    if (code !== 0) throw new Error(`Caddy's admin API: curl ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`)
    return stdout
  }
  const text: Edge['text'] = async (path, signal) => ask([`${caddy.adminUrl}/config/${path}`], signal)
  const servers: Edge['servers'] = async (signal) =>
    (JSON.parse(await text(serversPath, signal)) ?? {}) as Readonly<Record<string, Server>>
  return {
    text,
    servers,
    serverText: async (key, signal) => {
      // Asked for what does not exist, Caddy answers null, or 400 where its parent is missing too.
      const known = await text('apps', signal)
      return known.includes(`"${key}"`) ? text(`${serversPath}/${key}`, signal) : undefined
    },
    edit: async (method, path, body, signal) => {
      const json = ['-H', 'Content-Type: application/json', '-d', JSON.stringify(body)]
      await ask(['-X', method, ...(body === undefined ? [] : json), `${caddy.adminUrl}/config/${path}`], signal)
    },
    requests: () => readRequests(caddy.logFile),
    log: () => readFileSync(caddy.logFile, 'utf8'),
  }
}

interface LogLine {
  readonly msg?: string
  readonly method?: string
  readonly uri?: string
  readonly remote_ip?: string
}

function readRequests(logFile: string): readonly AdminRequest[] {
  return readFileSync(logFile, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as LogLine)
    .filter(({ msg }) => msg === 'received request')
    .map(({ method = '', uri = '', remote_ip: from = '' }) => ({ method, uri, from }))
}

export function isWrite({ method }: AdminRequest): boolean {
  return method !== 'GET' && method !== 'HEAD'
}

/** The key of a frontend's server in cluster `lab`, as docs and users see it. */
export function serverKey(className: string, protocol: 'tcp' | 'udp', address: string, port: number): string {
  return `fairway.lab.${className}.${protocol}.${address.replaceAll(':', '_')}.${port}`
}

/** Where a server leads, in the order of the configuration. */
export function dialsOf(server: Server | undefined): readonly string[] {
  const handlers = (server?.routes ?? []).flatMap(({ handle }) => handle)
  return handlers.flatMap(({ upstreams = [] }) => upstreams.flatMap(({ dial }) => dial))
}

/** The sockets that processes in the edge's namespace listen on: `tcp 203.0.113.10:80`, sorted. */
export async function listeningSockets(lab: Lab, signal: AbortSignal): Promise<readonly string[]> {
  const { stdout } = await lab.inNamespace('edge', ['ss', '-Hltun'], signal)
  const lines = stdout.trim().split('\n').filter(Boolean)
  return lines
    .map((line) => {
      const [protocol, , , , local] = line.split(/\s+/)
      return `${protocol} ${local}`
    })
    .toSorted()
}
