import { FairwayError, type Problem } from '../../../model/problems.ts'
import { type Socket, socketText } from '../../sockets.ts'
import { readListeners } from './listeners.ts'
import { isGone } from './master.ts'
import { findRunning } from './running.ts'
import { shapeOf } from './swap.ts'
import type { Tools } from './tools.ts'

/**
 * Finds what a running HAProxy has bound of ours: it tells the shape that it runs, and the files of that shape what is bound. Both of them count,
 * since somebody may have edited one.
 */
export async function findBound(tools: Tools, signal: AbortSignal): Promise<readonly Socket[]> {
  const { config, lastGood, options } = tools
  const running = await findRunning(tools, signal)
  if (running instanceof FairwayError) {
    if (isGone(running.cause)) return []
    throw running
  }
  const texts = [await config.read(), await lastGood.read()]
  const loaded = texts.filter((text) => text !== undefined && shapeOf(text) === running.shape)
  if (loaded.length === 0 && running.shape !== undefined) throw new FairwayError(unknownFile(options.configFile))
  const sockets = loaded.flatMap((text = '') => readBound(text))
  return [...new Map(sockets.map((one) => [socketText(one), one])).values()]
}

/** Sockets that a file of ours binds. */
export function readBound(text: string): readonly Socket[] {
  return readListeners('', text).flatMap(({ protocol, address, firstPort }) =>
    // All addresses of both families are never bound by one line of ours (`v6only`), nor are several ports.
    protocol === undefined ? [] : { protocol, address: address === '*' ? '::' : address, port: firstPort },
  )
}

function unknownFile(configFile: string): Problem {
  return {
    code: 'WriteNotConfirmed',
    kind: 'transient',
    message: `HAProxy does not run what is in ${configFile}`,
    remedy: 'Leave that file to the edge, and wait for its next pass',
  }
}
