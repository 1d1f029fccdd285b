import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf, isGone } from '../../../http/failures.ts'
import { errorText, FairwayError, type Problem } from '../../../model/problems.ts'
import { exchange } from '../common/exchange.ts'

/** The socket of HAProxy's master process, which also forwards commands to the worker (management.txt, section 9.4). */
export interface Master {
  /** Sends a line of commands that may be sent twice, and gives the whole answer. */
  ask(line: string, signal: AbortSignal): Promise<string>
  /** Sends commands to the current worker, in order, and gives what it has to say about them. */
  command(commands: readonly string[], signal: AbortSignal): Promise<string>
  /** Sends `reload` once. Up to 2.6 there is no answer; later versions give one when all is over, with the words of a failure. */
  reload(signal: AbortSignal): Promise<string>
}

/** Longer than a worker is ever busy with one command; a reload answers this late, too. */
const ANSWER_WITHIN_MS = 30_000
/** While the master executes itself anew it refuses connections: 80 ms at a few frontends, about a second at 5,000. */
const REFUSED_FOR_MS = 3_000
const RETRY_AFTER_MS = 20
/** What a master that executes itself anew does to connections. */
const DROPPED: readonly string[] = ['ECONNRESET', 'EPIPE']
/** The master reads commands in a buffer of 16 KiB, one is about 100 bytes long. */
const COMMANDS_PER_LINE = 100

/** Speaks with the master behind a unix socket. Each question is a connection of its own. */
export function createMaster(socketPath: string): Master {
  /** One that was not there the last time is not waited for again. */
  let wasThere = true

  /** Tries again while connections fail in one of these ways: each reload does that for a moment. */
  async function send(line: string, passing: readonly string[], signal: AbortSignal): Promise<string | Error> {
    const deadline = performance.now() + (wasThere ? REFUSED_FOR_MS : 0)
    for (;;) {
      const answer = await exchange(socketPath, line, ANSWER_WITHIN_MS, signal)
      if (typeof answer === 'string') {
        wasThere = true
        return answer
      }
      signal.throwIfAborted()
      if (performance.now() > deadline || !passing.includes(codeOf(answer))) {
        wasThere = !isGone(answer)
        return answer
      }
      await sleep(RETRY_AFTER_MS, undefined, { signal })
    }
  }

  async function ask(line: string, signal: AbortSignal): Promise<string> {
    const answer = await send(line, ['ECONNREFUSED', ...DROPPED], signal)
    if (typeof answer === 'string') return answer
    throw new FairwayError(unreachable(socketPath, answer), answer)
  }

  async function command(commands: readonly string[], signal: AbortSignal): Promise<string> {
    const answers: string[] = []
    for (let first = 0; first < commands.length; first += COMMANDS_PER_LINE) {
      const some = commands.slice(first, first + COMMANDS_PER_LINE)
      answers.push(await ask(some.map((one) => `@1 ${one}`).join(';'), signal))
    }
    return answers.join('').replaceAll(/\n+/g, '\n').trim()
  }

  async function reload(signal: AbortSignal): Promise<string> {
    const answer = await send('reload', ['ECONNREFUSED'], signal)
    if (typeof answer === 'string') return answer
    if (DROPPED.includes(codeOf(answer))) return ''
    throw new FairwayError(unreachable(socketPath, answer), answer)
  }

  return { ask, command, reload }
}

function unreachable(socketPath: string, error: Error): Problem {
  const silent = `HAProxy does not answer on its master socket ${socketPath}: ${errorText(error)}`
  return {
    code: 'ProxyUnreachable',
    kind: 'transient',
    message: isGone(error) ? `the proxy program behind the edge does not run: ${silent}` : silent,
    remedy:
      'Look at the unit of HAProxy on the proxy: that it runs, with -W and -S and that path, and that this user may open it',
  }
}
