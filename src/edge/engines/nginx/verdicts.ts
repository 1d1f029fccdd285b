import { hostPort } from '../../../model/address.ts'
import { absentProblem, takenProblem } from '../../socket-problems.ts'
import { socketText } from '../../sockets.ts'
import { socketOf } from '../common/by-socket.ts'
import { rejectedFrontend } from '../common/rejections.ts'
import { shorten } from '../common/sentences.ts'
import type { BoundFrontend, EngineRefusal } from '../engine.ts'
import { type Part, partAt } from './parts.ts'

/** What messages are read with. */
export interface Reading {
  readonly parts: readonly Part[]
  readonly frontends: readonly BoundFrontend[]
  /** Sockets that nginx has already, as `socketText` says them: it does not bind them anew. */
  readonly has: ReadonlySet<string>
  /** The file of ours, as messages call it. */
  readonly file: string
}

const MESSAGE = /^(?:nginx:|\S+ \S+) \[emerg\] (?:\d+#\d+: )?(?<message>.*)$/gm
const BIND = /^(?:bind|listen)\(\) to (?<socket>\S+) failed \((?<code>\d+):/
/** Of Linux (asm-generic/errno.h), as messages have them. */
const ADDRESS_IN_USE = '98'
const ADDRESS_NOT_AVAILABLE = '99'

/** Messages of gravity `emerg`, in what a test says. */
export function readEmergencies(output: string): readonly string[] {
  return [...output.matchAll(MESSAGE)].map(({ groups }) => groups?.['message'] ?? '')
}

/** Reads whose frontends messages of gravity `emerg` are about, and refuses these, each once. */
export function readVerdicts(messages: readonly string[], reading: Reading): readonly EngineRefusal[] {
  const found = messages.flatMap((message) => readVerdict(message, reading))
  return [...new Map(found.map((one) => [one.id, one])).values()]
}

function readVerdict(message: string, reading: Reading): readonly EngineRefusal[] {
  const { socket, code } = BIND.exec(message)?.groups ?? {}
  if (socket === undefined)
    return ownersAt(message, reading).map((id) => ({ id, problem: rejectedFrontend('nginx', id, shorten(message)) }))
  const fresh = reading.frontends.filter((one) => !reading.has.has(socketText(socketOf(one))))
  if (code === ADDRESS_NOT_AVAILABLE) {
    const address = socket.slice(0, socket.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1')
    // nginx stops at the first one: others on that address are not there either.
    return fresh
      .filter(({ bindAddress }) => bindAddress === address)
      .map((one) => ({ id: one.id, problem: absentProblem(socketOf(one)) }))
  }
  const meant = fresh.filter(({ bindAddress, frontend }) => hostPort(bindAddress, frontend.port) === socket)
  return meant.map((one) => ({
    id: one.id,
    problem:
      code === ADDRESS_IN_USE
        ? takenProblem(socketOf(one), 'another process')
        : rejectedFrontend('nginx', one.id, shorten(message)),
  }))
}

/** A message names the line that it is about. */
function ownersAt(message: string, { parts, file }: Reading): readonly string[] {
  const line = message.split(` in ${file}:`)[1]
  return line === undefined ? [] : (partAt(parts, Number.parseInt(line, 10))?.owners ?? [])
}
