import { type Socket, socketText } from '../../sockets.ts'
import type { BoundFrontend } from '../engine.ts'

/** A socket, and the frontends on it: several where hosts tell them apart. */
export interface SharedSocket {
  readonly socket: Socket
  readonly frontends: readonly [BoundFrontend, ...BoundFrontend[]]
}

/** What is bound once, however many frontends are there, in the order of the first of them. */
export function groupBySocket(frontends: readonly BoundFrontend[]): readonly SharedSocket[] {
  const groups = Map.groupBy(frontends, (bound) => socketText(socketOf(bound)))
  return [...groups.values()].flatMap(([first, ...more]): readonly SharedSocket[] =>
    first === undefined ? [] : [{ socket: socketOf(first), frontends: [first, ...more] }],
  )
}

/** What a frontend is bound to on the machine. */
export function socketOf({ bindAddress: address, frontend: { protocol, port } }: BoundFrontend): Socket {
  return { protocol, address, port }
}

/** Each once. */
export function distinctSockets(sockets: readonly Socket[]): readonly Socket[] {
  return [...new Map(sockets.map((one) => [socketText(one), one])).values()]
}
