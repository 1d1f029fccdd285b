import { canonicalAddress, isPort } from '../model/address.ts'
import type { Listener } from '../model/driver.ts'
import { fieldOf, isObject } from '../model/json.ts'
import type { Protocol } from '../model/table.ts'

/** Where Go's `udp` and Caddy's HTTP/3 listen as well: nobody can tell without Caddy's own defaults, so both count. */
type Kind = Protocol | undefined

/**
 * All sockets that the apps of a configuration listen on: `apps.*.servers.*.listen`, whatever the app. `skip` names the servers that are ours.
 * Addresses that only Caddy can know (host names, placeholders) count as all addresses; unix sockets and descriptors are no concern of ours.
 */
export function readListeners(apps: unknown, skip: (app: string, server: string) => boolean): readonly Listener[] {
  return entriesOf(apps).flatMap(([app, config]) =>
    entriesOf(fieldOf(config, 'servers')).flatMap(([name, server]) => {
      const listen = fieldOf(server, 'listen')
      if (skip(app, name) || !Array.isArray(listen)) return []
      const holder = holderText(app, name)
      return listen.flatMap((text: unknown) =>
        typeof text === 'string' ? readListen(text, holder, (port) => mayServeHttp3(app, config, server, port)) : [],
      )
    }),
  )
}

/** A server as its administrator would look for it. */
export function holderText(app: string, server: string): string {
  return `apps.${app}.servers.${server}`
}

/** HTTP/3 is on unless `protocols` leaves it out, and needs TLS, which the HTTP port never has (caddyhttp, `App.Start`). */
function mayServeHttp3(app: string, config: unknown, server: unknown, port: number): boolean {
  const protocols = fieldOf(server, 'protocols')
  const named =
    !Array.isArray(protocols) || protocols.includes('h3') || fieldOf(server, 'listen_protocols') !== undefined
  return app === 'http' && named && port !== (fieldOf(config, 'http_port') ?? 80)
}

/** Reads `network/host:port` or `network/host:first-last` (Caddy's `ParseNetworkAddress`). */
function readListen(text: string, holder: string, isAlsoUdp: (port: number) => boolean): readonly Listener[] {
  const match = /^(?:\s*([a-z0-9]+)\s*\/)?(?:\[([^\]]*)\]|([^[\]:]*)):(\d{1,5})(?:-(\d{1,5}))?$/i.exec(text)
  const network = (match?.[1] ?? 'tcp').toLowerCase()
  const kinds: Readonly<Record<string, Protocol>> = {
    tcp: 'TCP',
    tcp4: 'TCP',
    tcp6: 'TCP',
    udp: 'UDP',
    udp4: 'UDP',
    udp6: 'UDP',
  }
  const transport = kinds[network]
  const firstPort = Number(match?.[4])
  const lastPort = Number(match?.[5] ?? match?.[4])
  if (match === null || transport === undefined || !isPort(firstPort) || !isPort(lastPort)) return []
  const protocol: Kind = transport === 'TCP' && isAlsoUdp(firstPort) ? undefined : transport
  return readHost(match[2] ?? match[3] ?? '', network).map((address) => ({
    protocol,
    address,
    firstPort,
    lastPort,
    holder,
  }))
}

/** The addresses that a host stands for. An unspecified one means both families unless the network names one (Go's `net.Listen`). */
function readHost(host: string, network: string): readonly string[] {
  const wildcard = network.endsWith('4') ? '0.0.0.0' : network.endsWith('6') ? '::' : '*'
  const bare = host.split('%')[0] ?? ''
  if (bare === '') return [wildcard]
  if (bare === 'localhost') return ['127.0.0.1', '::1']
  const address = canonicalAddress(bare.replace(/^::ffff:(?=[0-9.]+$)/i, '')) ?? '*'
  return [address === '0.0.0.0' || address === '::' ? wildcard : address]
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return isObject(value) ? Object.entries(value) : []
}
