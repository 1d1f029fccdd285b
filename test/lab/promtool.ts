/** Prometheus' checker of rules and metrics, out of the Debian package, which would start a server if it were installed. */
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cached } from './cache.ts'
import { run } from './process.ts'
import { type Progress, step } from './progress.ts'

/** Where the program is: FAIRWAY_PROMTOOL, or downloaded unless it is cached. */
export async function fetchPromtool(progress: Progress, signal: AbortSignal): Promise<string> {
  const given = process.env['FAIRWAY_PROMTOOL']
  if (given !== undefined) return given
  const installed = '/usr/bin/promtool'
  if (existsSync(installed)) return installed
  const make = (target: string) => step(progress, 'downloading promtool', () => unpack(target, signal))
  return cached(`promtool-${process.arch}`, make, progress, signal)
}

/** apt checks what it downloads against the signed lists of the distribution. */
async function unpack(target: string, signal: AbortSignal): Promise<void> {
  const dir = mkdtempSync(join(dirname(target), 'package-'))
  await run(['apt-get', '-q', 'download', 'prometheus'], { cwd: dir, timeoutMs: 300_000 }, signal)
  const archive = readdirSync(dir).find((name) => name.endsWith('.deb')) ?? ''
  await run(['dpkg-deb', '-x', join(dir, archive), join(dir, 'files')], { timeoutMs: 120_000 }, signal)
  renameSync(join(dir, 'files/usr/bin/promtool'), target)
  rmSync(dir, { recursive: true })
}
