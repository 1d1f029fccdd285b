import { open } from 'node:fs/promises'
import { errorText } from '../../../model/problems.ts'
import type { Log } from '../../log.ts'

/** Far more than what nginx writes about one reload. */
const MOST_BYTES = 4 * 1_024 * 1_024

/** What nginx has written to its error log since this was made: of a process, by grave messages only. */
export interface LogTail {
  /** Each message once, without time and process. */
  readonly emergencies: (pid: number) => Promise<readonly string[]>
}

/** Begins where the file ends. A file that cannot be read says nothing. */
export async function tailLog(path: string, log: Log): Promise<LogTail> {
  const begin = await sizeOf(path).catch((error: unknown) => {
    log.warn({ path }, `nginx's error log cannot be read: ${errorText(error)}`)
    return 0
  })
  return {
    emergencies: async (pid) => {
      const text = await readFrom(path, begin).catch(() => '')
      const lines = [...text.matchAll(/^\S+ \S+ \[emerg\] (?<pid>\d+)#\d+: (?<message>.*)$/gm)]
      return [
        ...new Set(lines.flatMap(({ groups }) => (Number(groups?.['pid']) === pid ? (groups?.['message'] ?? '') : []))),
      ]
    },
  }
}

async function sizeOf(path: string): Promise<number> {
  const file = await open(path, 'r')
  try {
    return (await file.stat()).size
  } finally {
    await file.close()
  }
}

/** From its start, if the file has been replaced by a shorter one. */
async function readFrom(path: string, begin: number): Promise<string> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const from = size < begin ? 0 : begin
    const buffer = Buffer.alloc(Math.min(size - from, MOST_BYTES))
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
