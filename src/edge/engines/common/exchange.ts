import { connect } from 'node:net'
import { collectText } from './collect-text.ts'

/**
 * Has one exchange on a unix socket: sends a line, if there is one, and gives all that the other side says until it closes. Gives the error where that is
 * nothing, or is not over in time.
 */
export function exchange(
  path: string,
  line: string | undefined,
  withinMs: number,
  signal: AbortSignal,
): Promise<string | Error> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(withinMs)])
  return new Promise((resolve) => {
    const socket = connect({ path })
    const stop = () => socket.destroy(new Error(`no answer within ${withinMs} ms`))
    limit.addEventListener('abort', stop, { once: true })
    if (line !== undefined) socket.on('connect', () => socket.end(`${line}\n`))
    collectText(socket, (text) => resolve(text || dropped()))
    socket.on('error', resolve)
    socket.on('close', () => {
      limit.removeEventListener('abort', stop)
      resolve(dropped())
    })
    if (limit.aborted) stop()
  })
}

function dropped(): Error {
  return Object.assign(new Error('closed without an answer'), { code: 'ECONNRESET' })
}
