import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * One folder on a disk that may lose power at any instant. What `write` has resolved for is on the disk, but under which names a folder holds its
 * files is certain only once `sync` has resolved.
 */
export interface Files {
  names(): Promise<readonly string[]>
  /** Undefined: there is no such file. */
  read(name: string): Promise<string | undefined>
  /** Creates or replaces a file, with its content on the disk when it resolves. Interrupted, it leaves any part of it. */
  write(name: string, text: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Does nothing when there is no such file. */
  remove(name: string): Promise<void>
  sync(): Promise<void>
}

/** Only the edge itself reads what it keeps. */
const MODE = { folder: 0o700, file: 0o600 }

/** Opens a folder, and makes it if it is not there. */
export async function openFolder(path: string, fileMode = MODE.file): Promise<Files> {
  await mkdir(path, { recursive: true, mode: MODE.folder })
  return {
    names: () => readdir(path),
    read: async (name) => {
      try {
        return await readFile(join(path, name), 'utf8')
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    write: async (name, text) => {
      const file = await open(join(path, name), 'w', fileMode)
      try {
        await file.writeFile(text)
        await file.sync()
      } finally {
        await file.close()
      }
    },
    rename: (from, to) => rename(join(path, from), join(path, to)),
    remove: (name) => rm(join(path, name), { force: true }),
    sync: async () => {
      const folder = await open(path, 'r')
      try {
        await folder.sync()
      } finally {
        await folder.close()
      }
    },
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
