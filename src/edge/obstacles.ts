import type { Listener } from '../model/driver.ts'
import type { Problem } from '../model/problems.ts'
import { testBind } from './bind-test.ts'
import { findInTheWay, findPrograms, type OpenSocket, type Program, readOpenSockets } from './proc.ts'
import { absentProblem, takenProblem } from './socket-problems.ts'
import { type Socket, socketsOverlap, socketText } from './sockets.ts'

/** What is asked of the machine about sockets; tests put their own in place. */
export interface Machine {
  readonly testBind: (socket: Socket) => Promise<string | undefined>
  readonly openSockets: () => Promise<readonly OpenSocket[]>
  readonly programs: (inodes: ReadonlySet<string>) => Promise<ReadonlyMap<string, Program>>
}

export const thisMachine: Machine = {
  testBind,
  openSockets: () => readOpenSockets(),
  programs: (inodes) => findPrograms(inodes),
}

export interface Fresh {
  readonly socket: Socket
  /** The proxy program has it already, or may have: it was served before a restart of the edge or before a change that went wrong. */
  readonly maybeOurs: boolean
  /** The program has told that it has this very socket, whatever its process is called. */
  readonly isOurs?: boolean
}

export interface ProxyProgram {
  /** As its processes are called; of two programs, `haproxy+nginx`. */
  readonly name: string
  /** Sockets of the program that are its administrator's. */
  readonly listeners: readonly Listener[]
}

/** So many sockets are tested at a time. */
const AT_ONCE = 32

/**
 * Finds out why sockets cannot be bound, before the proxy program tries: HAProxy stops all it serves for seconds when one bind fails, and Caddy
 * leaves half of its listeners behind. Resolves with a problem for each that cannot, by its text.
 */
export async function findObstacles(
  machine: Machine,
  program: ProxyProgram,
  fresh: readonly Fresh[],
): Promise<ReadonlyMap<string, Problem>> {
  const problems = new Map<string, Problem>()
  const failed: (Fresh & { readonly code: string })[] = []
  for (let at = 0; at < fresh.length; at += AT_ONCE) {
    const some = fresh.slice(at, at + AT_ONCE)
    const codes = await Promise.all(some.map(({ socket }) => findCode(machine, program, socket)))
    for (const [index, one] of some.entries()) {
      const code = codes[index]
      if (typeof code === 'string') failed.push({ ...one, code })
      else if (code !== undefined) problems.set(socketText(one.socket), code)
    }
  }
  if (failed.length === 0) return problems
  const inTheWay = findInTheWay(await machine.openSockets())
  const rivals = new Map(failed.map(({ socket }) => [socketText(socket), inTheWay(socket)]))
  const programs = await machine.programs(new Set([...rivals.values()].flat().map(({ inode }) => inode)))
  for (const { socket, maybeOurs, isOurs, code } of failed) {
    if (isOurs === true && code === 'EADDRINUSE') continue
    const others = rivals.get(socketText(socket)) ?? []
    const problem = explain(socket, code, holdersOf(others, programs), maybeOurs ? program.name.split('+') : undefined)
    if (problem !== undefined) problems.set(socketText(socket), problem)
  }
  return problems
}

/** An error code, a problem that needs no test, or undefined for a socket that is free. */
function findCode(
  machine: Machine,
  { listeners }: ProxyProgram,
  socket: Socket,
): Promise<string | Problem | undefined> {
  const taken = listeners.find((listener) => isOn(listener, socket))
  return taken === undefined
    ? machine.testBind(socket)
    : Promise.resolve(takenProblem(socket, `${taken.holder}, which the proxy's administrator has configured`))
}

/** Whether a listener of the program's own files is on a socket. */
export function isOn({ protocol, address, firstPort, lastPort }: Listener, socket: Socket): boolean {
  if (protocol !== undefined && protocol !== socket.protocol) return false
  if (socket.port < firstPort || socket.port > lastPort) return false
  return address === '*' || socketsOverlap({ ...socket, address }, socket)
}

interface Holder {
  readonly text: string
  /** Of the process, where it is known. */
  readonly program: string | undefined
}

function holdersOf(sockets: readonly OpenSocket[], programs: ReadonlyMap<string, Program>): readonly Holder[] {
  return sockets.map((socket) => {
    const program = programs.get(socket.inode)
    if (program === undefined) {
      return { text: `a process of user ID ${socket.uid} on ${socketText(socket)}`, program: undefined }
    }
    return { text: `${program.name} (process ${program.pid}) on ${socketText(socket)}`, program: program.name }
  })
}

/** What an error code means for a socket; undefined: nothing that is known to be in the way. `ours`: programs that may have it. */
function explain(
  socket: Socket,
  code: string,
  holders: readonly Holder[],
  ours: readonly string[] | undefined,
): Problem | undefined {
  if (code === 'EADDRNOTAVAIL') return absentProblem(socket)
  const other = holders.find(({ program }) => ours === undefined || (program !== undefined && !ours.includes(program)))
  if (other !== undefined) return takenProblem(socket, other.text)
  // The edge itself may not bind such ports; the proxy program may all the same.
  if (code === 'EACCES' || code === 'EPERM' || ours !== undefined) return undefined
  if (code === 'EADDRINUSE') return takenProblem(socket, 'another process')
  const message = `${socketText(socket)} cannot be bound: ${code}`
  return {
    code: 'ProxyRejected',
    kind: 'terminal',
    message,
    remedy: 'Use another address, or find out why on the proxy',
  }
}
