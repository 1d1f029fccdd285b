import { readListeners } from '../caddy/listeners.ts'
import { canonicalAddress, canonicalCidr, familyOf } from '../model/address.ts'
import type { Listener } from '../model/driver.ts'
import { isHostName } from '../model/hosts.ts'
import { fieldOf, isObject } from '../model/json.ts'
import { errorText, FairwayError } from '../model/problems.ts'
import { readProxyHandler, readTime } from './caddy-proxy.ts'
import { createRemarks, isCarriedRange, type OldConfig, type OldFrontend, type Remarks } from './old.ts'

const REMEDY = "Name Caddy's whole configuration in JSON, as `caddy adapt` or the admin API's /config/ gives it"

/** Reads the layer4 app of a configuration of Caddy's. `file` is for messages. Throws ConfigInvalid for what is none. */
export function readCaddyConfig(text: string, file: string): OldConfig {
  const remarks = createRemarks()
  const servers = fieldOf(fieldOf(fieldOf(parseJson(text, file, remarks), 'apps'), 'layer4'), 'servers')
  if (!isObject(servers)) throw invalid(`${file} has no apps.layer4.servers`)
  const frontends = Object.entries(servers).flatMap(([name, server]) => readServer(name, server, remarks))
  return { frontends, remarks: remarks.all() }
}

/** Written by hand, such files lack a comma between strings of two lines here and there. */
function parseJson(text: string, file: string, remarks: Remarks): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const mended = text.replaceAll(/"(\s*\n\s*)"/g, '",$1"')
    try {
      const value: unknown = JSON.parse(mended)
      remarks.add(file, 'commas are missing between some strings: Caddy itself would not take this file')
      return value
    } catch {
      throw invalid(`${file} is no JSON: ${errorText(error)}`, error)
    }
  }
}

function invalid(message: string, cause?: unknown): FairwayError {
  return new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy: REMEDY }, cause)
}

const SERVER_KEYS = new Set(['@id', 'listen', 'routes', 'idle_timeout', 'matching_timeout'])

function readServer(name: string, server: unknown, remarks: Remarks): readonly OldFrontend[] {
  const at = `apps.layer4.servers.${name}`
  const listeners = readListeners({ layer4: { servers: { [name]: server } } }, () => false)
  if (listeners.length === 0) remarks.add(at, 'listens on no address and port that can be carried over')
  tellUnknown(server, SERVER_KEYS, at, remarks)
  const carried = withoutCovered(listeners.filter(isCarriedRange))
  if (!listeners.every(isCarriedRange)) remarks.add(at, 'listens on a range of too many ports, which is left out')
  const found = fieldOf(server, 'routes')
  const routes: readonly unknown[] = Array.isArray(found) ? found : []
  return routes.flatMap((route, index) => {
    const place = routes.length === 1 ? at : `${at}.routes[${index}]`
    return carried.flatMap((listener) => readRoute(place, route, listener, server, remarks))
  })
}

/** `:80` and `[::]:80` are one socket to a client, and the first takes both families. */
function withoutCovered(listeners: readonly Listener[]): readonly Listener[] {
  const isCovered = (one: Listener) =>
    ['0.0.0.0', '::'].includes(one.address) &&
    listeners.some(({ address, firstPort }) => address === '*' && firstPort === one.firstPort)
  const texts = new Map(listeners.filter((one) => !isCovered(one)).map((one) => [JSON.stringify(one), one]))
  return [...texts.values()]
}

function readRoute(
  at: string,
  route: unknown,
  listener: Listener,
  server: unknown,
  remarks: Remarks,
): readonly OldFrontend[] {
  const match = readMatch(at, fieldOf(route, 'match'), remarks)
  const handle = fieldOf(route, 'handle')
  const handlers: readonly unknown[] = Array.isArray(handle) ? handle : []
  const [first] = handlers
  if (match === undefined) return []
  if (handlers.length !== 1 || fieldOf(first, 'handler') !== 'proxy') {
    remarks.add(at, 'does something else than to hand connections on to targets, and is left out')
    return []
  }
  const proxy = readProxyHandler(at, first, remarks)
  if (proxy === undefined) return []
  const { firstPort, lastPort, address } = listener
  const protocol = listener.protocol ?? 'TCP'
  const idle = protocol === 'UDP' ? readTime(fieldOf(server, 'idle_timeout')) : undefined
  return Array.from({ length: lastPort - firstPort + 1 }, (_, offset): OldFrontend => {
    const port = firstPort + offset
    return { at, protocol, address, port, ...proxy, ...match, idleTimeoutMs: idle, maxConnections: undefined }
  })
}

/** What a route asks of its clients; undefined where that cannot be carried over. */
function readMatch(
  at: string,
  match: unknown,
  remarks: Remarks,
): Pick<OldFrontend, 'hosts' | 'sourceRanges'> | undefined {
  const sets: readonly unknown[] = Array.isArray(match) ? match : []
  const [set] = sets
  if (set === undefined) return { hosts: [], sourceRanges: [] }
  const tls = fieldOf(set, 'tls')
  const known =
    isObject(set) &&
    Object.keys(set).every((key) => key === 'tls' || key === 'remote_ip') &&
    (tls === undefined || (isObject(tls) && Object.keys(tls).every((key) => key === 'sni')))
  if (sets.length > 1 || !known) {
    remarks.add(at, 'matches by more than `tls.sni` and `remote_ip`, and is left out')
    return undefined
  }
  const hosts = textsOf(fieldOf(tls, 'sni'))
  if (tls !== undefined && hosts.length === 0) {
    remarks.add(at, 'matches TLS of any name, which is not told from other traffic: left out')
    return undefined
  }
  const sources = textsOf(fieldOf(fieldOf(set, 'remote_ip'), 'ranges'))
  const ranges = sources.flatMap((text) => rangeOf(text) ?? [])
  const odd = hosts.find((host) => !isHostName(host)) ?? sources.find((text) => rangeOf(text) === undefined)
  if (odd !== undefined) {
    remarks.add(
      at,
      `matches by ${JSON.stringify(odd)}, which is no name and no range that can be carried over: left out`,
    )
    return undefined
  }
  return { hosts: [...new Set(hosts)].toSorted(), sourceRanges: [...new Set(ranges)].toSorted() }
}

/** Caddy takes single addresses as well. */
function rangeOf(text: string): string | undefined {
  const address = canonicalAddress(text)
  return canonicalCidr(address === undefined ? text : `${address}/${familyOf(address) === 'IPv4' ? 32 : 128}`)
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one: unknown) => typeof one === 'string') : []
}

export function tellUnknown(value: unknown, known: ReadonlySet<string>, at: string, remarks: Remarks): void {
  for (const key of isObject(value) ? Object.keys(value) : []) {
    if (!known.has(key)) remarks.add(at, `\`${key}\` is not carried over`)
  }
}
