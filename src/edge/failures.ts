import { errorText, FairwayError, type Problem } from '../model/problems.ts'
import type { OwnerName } from './owners.ts'
import { type Refused, RequestError, refuse } from './refusal.ts'

/** What a call of the engine has failed with. */
export function problemOf(error: unknown, engine: string): Problem {
  if (error instanceof FairwayError) return error.problem
  // Waits of Node end with an AbortError around it.
  const late = isLate(error) || (error instanceof Error && isLate(error.cause))
  return {
    code: 'ProxyUnreachable',
    kind: 'transient',
    message: late ? `${engine} took too long to take the change` : `${engine} has failed: ${errorText(error)}`,
    remedy: `Look at the log of fairway-edge on the proxy, and whether ${engine} runs`,
  }
}

function isLate(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError'
}

/** The same for one owner: a program's complaint may be about somebody else's frontends. */
export function tellableTo(owner: OwnerName, problem: Problem, owners: Iterable<OwnerName>): Problem {
  const tells = [...owners].some((other) => other !== owner && mentions(problem.message, other))
  return tells ? { ...problem, message: 'the proxy program could not be brought to the tables' } : problem
}

function mentions(text: string, owner: OwnerName): boolean {
  return text.includes(owner) || text.includes(owner.replace('/', '.'))
}

export function engineFailed({ code, message, remedy }: Problem): Refused {
  // Whether anything is served is not known.
  if (code === 'ProxyUnreachable') return refuse('EngineUnreachable', message, remedy)
  return refuse('EngineFailed', `${message}; what was served before is served on`, remedy)
}

/** What fails is thrown as a RequestError. */
export async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new RequestError(diskFailed(error), error)
  }
}

function diskFailed(error: unknown): Refused {
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
  const remedy = 'Look at the disk of the proxy, and the log of fairway-edge there'
  return refuse('DiskFailed', `the table could not be kept on the proxy's disk${code}`, remedy)
}

/** Somebody's table was lost: to go on without it would end what it serves. */
export function waitsForLost(): Problem {
  return {
    code: 'ProxyUnreachable',
    kind: 'transient',
    message: 'the proxy has lost a table, and changes nothing until it is written again, for some minutes',
    remedy: 'Look at the log of fairway-edge on the proxy',
  }
}
