/** Where a lab keeps its things, and how every trace of one is removed, whether it ended in order or not. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeCgroups } from './cgroups.ts'
import { networkDown } from './network.ts'
import { isAlive, type ProcessRecord, readRecord, recordOf, run, stopProcesses } from './process.ts'

/** There is one set of namespaces, so one directory. */
export const labDir = join(tmpdir(), 'fairway-lab')
const apiPrefix = 'fairway-lab-api-'
const ownerFile = 'owner'
const keptFile = 'kept'

export function createLabDir(): string {
  mkdirSync(labDir, { mode: 0o700 })
  return labDir
}

/** A directory for an API server on loopback, of which there may be many. */
export function createApiDir(): string {
  const dir = mkdtempSync(join(tmpdir(), apiPrefix))
  const owner = recordOf(process.pid)
  writeFileSync(join(dir, ownerFile), owner ? `${owner.pid} ${owner.startTime}` : '')
  return dir
}

/** Marks a lab that is meant to outlive the process that made it. */
export function markKept(dir: string): void {
  writeFileSync(join(dir, keptFile), '')
}

/** Whether a lab was left running on purpose and still does. */
export function isKept(dir: string): boolean {
  if (!existsSync(join(dir, keptFile))) return false
  return recordsIn(dir).some(isAlive)
}

/** Removes the lab with namespaces: processes, links, mounts, cgroups, files. Nothing there is fine too. */
export async function sweepLab(signal: AbortSignal): Promise<void> {
  if (existsSync(labDir) && !isOwn(labDir)) throw new Error(`${labDir} is somebody else's: remove it first.`)
  await stopProcesses(recordsIn(labDir), 0, signal)
  // Ends what else runs in the namespaces; a node's mounts and pods end with its first process.
  await networkDown(signal)
  await removeCgroups(signal)
  await removeDir(labDir, signal)
}

export async function sweepApi(dir: string, signal: AbortSignal): Promise<void> {
  await stopProcesses(recordsIn(dir), 0, signal)
  await removeDir(dir, signal)
}

/** API servers whose owner ended without stopping them. */
export async function sweepAbandonedApis(signal: AbortSignal): Promise<void> {
  for (const dir of apiDirs()) {
    const owner = readRecord(join(dir, ownerFile))
    if (!isKept(dir) && !(owner && isAlive(owner))) await sweepApi(dir, signal)
  }
}

/** The directories of this user's API servers on loopback. */
export function apiDirs(): string[] {
  const names = readdirSync(tmpdir()).filter((name) => name.startsWith(apiPrefix))
  return names.map((name) => join(tmpdir(), name)).filter(isOwn)
}

/** Anybody may write to the directory for temporary files; what others put there must not tell us what to end. */
function isOwn(dir: string): boolean {
  const stats = lstatSync(dir)
  return stats.isDirectory() && stats.uid === process.geteuid?.()
}

function recordsIn(dir: string): ProcessRecord[] {
  if (!existsSync(dir)) return []
  const files = readdirSync(dir).filter((name) => name.endsWith('.pid'))
  return files.map((name) => readRecord(join(dir, name))).filter((record) => record !== undefined)
}

async function removeDir(dir: string, signal: AbortSignal): Promise<void> {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
  // Deepest first. Never remove what is seen through a mount.
  for (const mount of mounts.filter((path) => path.startsWith(`${dir}/`)).toReversed())
    await run(['umount', mount], {}, signal)
  rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
}
