import { FairwayError } from '../../../model/problems.ts'
import { runProgram } from './run-program.ts'

/** How a kind of program tells its version, and which it must be. */
export interface VersionRule {
  /** With these, it says its version. */
  readonly args: readonly string[]
  /** Finds `version` in what it says. */
  readonly pattern: RegExp
  /** The least one, as numbers. */
  readonly since: readonly number[]
  /** What it must be, for messages: `HAProxy 2.6 or later`. */
  readonly title: string
  readonly remedy: string
}

/** The version that a program says it is: `2.6.12`. Throws Unsupported for another program, or an earlier version. */
export async function askVersion(binary: string, rule: VersionRule, signal: AbortSignal): Promise<string> {
  const { args, pattern, since, title, remedy } = rule
  const { output } = await runProgram(binary, args, remedy, signal)
  const version = pattern.exec(output)?.groups?.['version']
  if (version !== undefined && isSince(version, since)) return version
  const message = `${binary} is no ${title}: ${output.trim().split('\n')[0]}`
  throw new FairwayError({ code: 'Unsupported', kind: 'unsupported', message, remedy })
}

/** Whether a version like `1.22.1` or `2.9-dev3` is this one or a later one. */
export function isSince(version: string, first: readonly number[]): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10))
  const different = first.findIndex((part, place) => part !== parts[place])
  return different < 0 || (parts[different] ?? 0) > (first[different] ?? 0)
}
