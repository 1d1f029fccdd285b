import { type BindError, covers, isAbout } from '../../../caddy/bind-error.ts'
import type { Endpoint } from '../../../http/endpoint.ts'
import type { Problem } from '../../../model/problems.ts'
import type { Rests } from '../../../model/rests.ts'
import { isOn } from '../../obstacles.ts'
import { absentProblem, takenProblem } from '../../socket-problems.ts'
import { isWildcard, type Socket, socketText } from '../../sockets.ts'
import { socketOf } from '../common/by-socket.ts'
import type { BoundFrontend } from '../engine.ts'
import { othersListeners, type Running } from './running.ts'

/** Tries to bind a socket: an error code, or undefined. */
export type TestBind = (socket: Socket) => Promise<string | undefined>

export interface ObstacleParts {
  readonly testBind: TestBind
  readonly endpoint: Endpoint
  readonly failedStarts: Rests
}

/** Says why a frontend must not be given to Caddy, or undefined. */
export type FindObstacle = (bound: BoundFrontend) => Problem | undefined

/**
 * Looks for what would make a change fail after Caddy has begun to bind, or would have it share a port with itself. Each change binds everything anew, so
 * an address that has left the machine since would take all frontends down with it. `failed`: what this very change could not bind.
 */
export async function createObstacles(
  { testBind, endpoint, failedStarts }: ObstacleParts,
  frontends: readonly BoundFrontend[],
): Promise<(running: Running, failed: readonly BindError[]) => FindObstacle> {
  const absent = await findAbsent(testBind, new Set(frontends.map(({ bindAddress }) => bindAddress)))
  return (running, failed) => {
    const listeners = othersListeners(running, endpoint)
    return (bound) => {
      const socket = socketOf(bound)
      if (absent.has(socket.address)) return absentProblem(socket)
      const taken = listeners.find((listener) => isOn(listener, socket))
      if (taken !== undefined)
        return takenProblem(socket, `${taken.holder}, which the proxy's administrator has configured`)
      const error = failed.find((one) => covers(one, socket))
      return error === undefined ? failedStarts.find(socketText(socket)) : bindProblem(socket, error)
    }
  }
}

/** Any port tells whether an address is there. */
async function findAbsent(testBind: TestBind, addresses: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const some = [...addresses].filter((address) => !isWildcard(address))
  const codes = await Promise.all(some.map((address) => testBind({ protocol: 'TCP', address, port: 0 })))
  return new Set(some.filter((_, index) => ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(codes[index] ?? '')))
}

const LEFT =
  'listeners that it opened before it failed may go on answering beside its configuration until it is restarted'

/** What Caddy said of a socket when it failed to start a configuration. */
export function bindProblem(socket: Socket, error: BindError): Problem {
  if (isAbout(error, 'address') || isAbout(error, 'family')) return absentProblem(socket)
  if (isAbout(error, 'use')) return takenProblem(socket, `another process, as Caddy found; ${LEFT}`)
  return {
    code: 'ProxyRejected',
    kind: 'terminal',
    message: `Caddy cannot bind ${socketText(socket)}: ${error.reason}; ${LEFT}`,
    remedy: 'Give Caddy what it lacks, as CAP_NET_BIND_SERVICE for ports below 1024, and restart it',
  }
}
