import { FairwayError } from '../../../model/problems.ts'
import type { Socket } from '../../sockets.ts'
import { unknownFile } from '../common/rejections.ts'
import { readBound } from './listeners.ts'
import { shapeOf } from './render.ts'
import { type Running, readRunning } from './running.ts'
import type { Tools } from './tools.ts'

/** Finds what a running nginx has bound of ours: it tells the shape that it has loaded, and the file of that shape what is bound. */
export async function findBound(tools: Tools, signal: AbortSignal): Promise<readonly Socket[]> {
  const { config, options } = tools
  const running = await readRunning(options.socketDir, signal)
  if (running === undefined) return []
  const text = await findLoaded(tools, running)
  if (text !== undefined) return readBound(text)
  throw new FairwayError(unknownFile('nginx', config.path))
}

/** The file that was loaded: an edge may have ended after it put another one in its place. */
export async function findLoaded({ config, lastGood }: Tools, running: Running): Promise<string | undefined> {
  const texts = [await config.read(), await lastGood.read()]
  return texts.find((text) => text !== undefined && shapeOf(text) === running.shape)
}
