import { type Outcome, runProgram } from '../common/run-program.ts'
import type { VersionRule } from '../common/version.ts'

const REMEDY = 'Install HAProxy 2.6 or later, or name its program'

export const HAPROXY_VERSION: VersionRule = {
  args: ['-v'],
  pattern: /version (?<version>\d+\.\d+(?:\.\d+|-dev\d+)?)/,
  since: [2, 6],
  title: 'HAProxy 2.6 or later',
  remedy: REMEDY,
}

/** Has HAProxy read files as it would when it starts. It binds nothing: addresses are not looked at. */
export function checkFiles(binary: string, files: readonly string[], signal: AbortSignal): Promise<Outcome> {
  return runProgram(binary, ['-c', ...files.flatMap((file) => ['-f', file])], REMEDY, signal)
}
