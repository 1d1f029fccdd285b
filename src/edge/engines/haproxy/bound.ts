import { readListeners } from '../../../haproxy/listeners.ts'
import { isGone } from '../../../http/failures.ts'
import { FairwayError } from '../../../model/problems.ts'
import type { Socket } from '../../sockets.ts'
import { distinctSockets } from '../common/by-socket.ts'
import { unknownFile } from '../common/rejections.ts'
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
  if (loaded.length === 0 && running.shape !== undefined)
    throw new FairwayError(unknownFile('HAProxy', options.configFile))
  return distinctSockets(loaded.flatMap((text = '') => readBound(text)))
}

/** Sockets that a file of ours binds. */
export function readBound(text: string): readonly Socket[] {
  return readListeners(text).flatMap(({ protocol, address, firstPort }) =>
    // No line of ours binds several ports, or both families (`v6only`): one that does was edited.
    protocol === undefined ? [] : { protocol, address: address === '*' ? '::' : address, port: firstPort },
  )
}
