import type { Problem } from '../../model/problems.ts'
import { parseServerKey } from '../../model/server-names.ts'
import { type SocketKey, socketKey } from '../../model/table.ts'

/** A socket of ours that HAProxy could not bind, and its reason. */
export interface BindFailure {
  readonly socket: SocketKey
  readonly reason: string
}

/** Reads `Starting frontend NAME: cannot bind socket (Address already in use)` out of what HAProxy says of a reload that failed. */
export function readBindFailures(text: string): readonly BindFailure[] {
  const found = text.matchAll(/(?:frontend|proxy) (?<name>fairway\.[\w.-]+): cannot bind socket \((?<reason>[^)]+)\)/gi)
  return [...found].flatMap(({ groups }) => {
    const name = parseServerKey(groups?.['name'] ?? '')
    return name === undefined ? [] : [{ socket: socketKey(name), reason: groups?.['reason'] ?? '' }]
  })
}

/** What a frontend is told that would be bound there. */
export function bindProblem(proxy: string, { socket, reason }: BindFailure): Problem {
  const failed = `proxy ${proxy} cannot bind ${socket}: HAProxy said "${reason}", and goes on without it`
  const again = 'it is tried again after a rest, or when Fairway is restarted'
  if (/in use/i.test(reason)) {
    const remedy = `Find the process that holds the port on the proxy (ss -lntp) and stop it, or use another port; ${again}`
    return { code: 'PortTaken', kind: 'terminal', message: failed, remedy }
  }
  if (/cannot assign|address family/i.test(reason)) {
    const remedy = `Add the address to the proxy (ip addr add), set net.ipv4.ip_nonlocal_bind=1, or map it with \`listen\`; ${again}`
    return { code: 'AddressNotOnProxy', kind: 'terminal', message: failed, remedy }
  }
  return { code: 'ProxyRejected', kind: 'terminal', message: failed, remedy: `Give HAProxy what it lacks; ${again}` }
}
