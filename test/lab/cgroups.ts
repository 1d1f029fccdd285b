/** The parent of all the lab's pods in every cgroup hierarchy that the machine has, version 1 or 2. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { cgroupRoot } from './node-config.ts'
import { waitFor } from './wait.ts'

export function createCgroups(): void {
  for (const dir of labCgroups()) mkdirSync(dir, { recursive: true })
}

/** Waits until the kernel lets them go: a cgroup is busy until the last of its processes is reaped. */
export async function removeCgroups(signal: AbortSignal): Promise<void> {
  await waitFor('cgroups of pods to be removable', tryRemove, { timeoutMs: 10_000, intervalMs: 50 }, signal)
}

async function tryRemove(): Promise<boolean> {
  for (const dir of labCgroups()) removeTree(dir)
  return true
}

function labCgroups(): string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
  const hierarchies = mounts.filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
  return hierarchies.map(([, path = '']) => join(path, cgroupRoot))
}

/** A cgroup goes with rmdir, children first; its files are not real ones. */
function removeTree(dir: string): void {
  if (!existsSync(dir)) return
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(dir, entry.name))
  }
  rmdirSync(dir)
}
