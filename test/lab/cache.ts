/** Things that take long to make, kept outside the tree under a name that says what they are made of. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { acquireLock } from './lock.ts'
import type { Progress } from './progress.ts'

export function cacheRoot(): string {
  const dir = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'fairway-lab')
  mkdirSync(dir, { recursive: true })
  return dir
}

/**
 * Gives the cached directory or file of this name, made by `make` if it is not there. Made beside it and renamed, so it
 * is never seen half-made; two processes that want it at once make it once.
 */
export async function cached(
  name: string,
  make: (target: string) => Promise<void>,
  progress: Progress,
  signal: AbortSignal,
): Promise<string> {
  const final = join(cacheRoot(), name)
  if (existsSync(final)) return final
  const work = async (temporary: string) => {
    if (existsSync(final)) return
    const target = join(temporary, basename(name))
    await make(target)
    renameSync(target, final)
  }
  await inTurn(name, work, progress, signal)
  return final
}

/** Runs `work` with a temporary directory on the cache's file system, one process at a time for a name. */
export async function inTurn(
  name: string,
  work: (temporary: string) => Promise<void>,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const onWait = (holder: string) => progress(`waiting for ${holder}, which makes ${name}`)
  const lock = await acquireLock(hashOf([cacheRoot(), name]), { timeoutMs: 1_800_000, onWait }, signal)
  const temporary = mkdtempSync(join(cacheRoot(), 'making-'))
  try {
    await work(temporary)
  } finally {
    rmSync(temporary, { recursive: true, force: true })
    await lock.release()
  }
}

/** Removes cached files of this prefix but for the newest. */
export function dropOldest(prefix: string, keep: number): void {
  const paths = readdirSync(cacheRoot())
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(cacheRoot(), name))
  const byAge = paths.map((path) => ({ path, time: statSync(path).mtimeMs })).toSorted((a, b) => b.time - a.time)
  for (const { path } of byAge.slice(keep)) rmSync(path, { force: true })
}

/** A short hash of files and texts: the same for the same content, wherever it lies. */
export function hashOf(parts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:${part}`)
  return hash.digest('hex').slice(0, 16)
}

/** Path and content of every file below a directory, but for those that `skip` names by their relative path. */
export function readTree(dir: string, skip: (path: string) => boolean = () => false): string[] {
  const walk = (path: string): string[] =>
    readdirSync(path, { withFileTypes: true })
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) => {
        const child = join(path, entry.name)
        const name = relative(dir, child)
        if (skip(name)) return []
        if (entry.isDirectory()) return walk(child)
        return entry.isFile() ? [name, readFileSync(child, 'latin1')] : []
      })
  return walk(dir)
}
