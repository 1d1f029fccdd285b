import type { Sibling } from '../../model/driver.ts'
import { isObject } from '../../model/json.ts'
import type { SiblingServer, Snapshot } from './snapshot.ts'

/** Servers of other classes that a write changes: what is left of each, undefined where it goes as a whole. */
export type CutServers = ReadonlyMap<string, unknown>

/** Takes strays out of the servers that they are in. Frontends beside them on a socket stay as they are. */
export function cutStrays({ siblings }: Pick<Snapshot, 'siblings'>, strays: readonly Sibling[]): CutServers {
  const going = new Set(strays.map(textOf))
  const cut = new Map<string, unknown>()
  for (const [key, server] of siblings) {
    const left = server.parts.filter((part) => !going.has(textOf({ className: server.name.className, key: part.key })))
    if (left.length < server.parts.length) cut.set(key, left.length === 0 ? undefined : reduce(server, left))
  }
  return cut
}

/** Whether a server goes as a whole, and with it its sockets. */
export function isGone(cut: CutServers, key: string): boolean {
  return cut.has(key) && cut.get(key) === undefined
}

function textOf({ className, key }: Sibling): string {
  return `${className} ${key}`
}

function reduce({ json }: SiblingServer, left: SiblingServer['parts']): unknown {
  return { ...(isObject(json) ? json : {}), routes: left.flatMap(({ routes }) => routes) }
}
