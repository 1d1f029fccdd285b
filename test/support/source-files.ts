import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Paths of all files below a folder that end in `ending`, sorted. */
export async function sourceFiles(folder: string, ending: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
}
