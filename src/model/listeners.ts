import { canonicalAddress } from './address.ts'
import type { Listener } from './driver.ts'
import type { Socket } from './listen.ts'

/** The first of the listeners that a socket would share its address and port with. */
export function findHolder(listeners: readonly Listener[], socket: Socket): Listener | undefined {
  return listeners.find(
    ({ protocol, address, firstPort, lastPort }) =>
      (protocol === undefined || protocol === socket.protocol) &&
      firstPort <= socket.port &&
      socket.port <= lastPort &&
      addressesMeet(address, socket.address),
  )
}

/** Whether two bound addresses share one, wildcards included. */
function addressesMeet(a: string, b: string): boolean {
  if (a === '*' || b === '*' || a === b) return true
  return isWildcardOver(a, b) || isWildcardOver(b, a)
}

function isWildcardOver(wildcard: string, address: string): boolean {
  return address.includes(':') ? wildcard === '::' : wildcard === '0.0.0.0'
}

/** A listener as a person would write it: `*:443`, `[::]:443/UDP`, `127.0.0.1:8000-8010`. */
export function describeListener({ address, firstPort, lastPort, protocol }: Listener): string {
  const host = address.includes(':') ? `[${address}]` : address
  const ports = firstPort === lastPort ? `${firstPort}` : `${firstPort}-${lastPort}`
  return `${host}:${ports}${protocol === 'UDP' ? '/UDP' : ''}`
}

/** The listener of the admin API itself: frontends stay off it. None for a host name, which may be a gateway's or a tunnel's. */
export function adminListeners(url: string): readonly Listener[] {
  const { hostname, port, protocol } = new URL(url)
  const address = canonicalAddress(hostname.replace(/^\[|\]$/g, ''))
  const number = Number(port || (protocol === 'https:' ? 443 : 80))
  if (address === undefined) return []
  return [{ protocol: 'TCP', address, firstPort: number, lastPort: number, holder: 'the admin API' }]
}
