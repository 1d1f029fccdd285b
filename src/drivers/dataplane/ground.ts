import { listenText } from '../../model/listen.ts'
import { type FrontendKey, type SocketKey, socketKey } from '../../model/table.ts'
import type { Ground } from '../common/preflight.ts'
import type { OwnedSocket } from './estates.ts'

/** What the proxy has of ours before a write. */
export interface Sockets {
  readonly sockets: readonly OwnedSocket[]
  /** Of other classes that go with this write: what they hold is ours to give. */
  readonly freed: readonly OwnedSocket[]
  /** Frontends that the table lacks and that stay. */
  readonly keep: ReadonlySet<FrontendKey>
}

/** What our sockets are to a preflight. */
export function groundOf(sockets: Sockets): Pick<Ground, 'held' | 'kept'> {
  return { held: heldSockets(sockets), kept: keptSockets(sockets) }
}

/** All that is bound already and ours to give, with the published socket that it is for. */
function heldSockets({ sockets, freed }: Sockets): ReadonlyMap<string, SocketKey | undefined> {
  return new Map<string, SocketKey | undefined>([
    ...freed.flatMap((socket) => bindsOf(socket).map((text) => [text, undefined] as const)),
    ...sockets.flatMap((socket) => bindsOf(socket).map((text) => [text, socketKey(socket.name)] as const)),
  ])
}

/** What is bound for frontends that stay, whatever else is wanted. */
function keptSockets({ sockets, keep }: Sockets): ReadonlyMap<string, SocketKey> {
  const kept = sockets.filter(({ entries }) => entries.some(({ key }) => keep.has(key)))
  return new Map(kept.flatMap((socket) => bindsOf(socket).map((text) => [text, socketKey(socket.name)] as const)))
}

function bindsOf({ section }: OwnedSocket): readonly string[] {
  const binds: unknown = section['binds']
  const all: readonly unknown[] = typeof binds === 'object' && binds !== null ? Object.values(binds) : []
  return all.flatMap((bind) => {
    if (typeof bind !== 'object' || bind === null || !('address' in bind) || !('port' in bind)) return []
    const { address, port } = bind
    if (typeof address !== 'string' || typeof port !== 'number') return []
    return [listenText({ protocol: 'TCP', address, port })]
  })
}
