import { chmod, chown, rename, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Writes a file in one step: whoever reads it finds the old content or the new one. Root gives it to the owner and group of its folder, so that the
 * edge, which runs as a user of its own, can read what its administrator writes.
 */
export async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const next = `${path}.next`
  await writeFile(next, text, { mode, flush: true })
  // A strict umask has taken the group's part away.
  await chmod(next, mode)
  if (process.getuid?.() === 0) {
    const { uid, gid } = await stat(dirname(path))
    await chown(next, uid, gid)
  }
  await rename(next, path)
}
