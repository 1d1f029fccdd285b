import { type Outcome, runProgram } from '../common/run-program.ts'
import type { VersionRule } from '../common/version.ts'

const REMEDY = 'Install nginx 1.22 or later with its stream module (libnginx-mod-stream), or name its program'

export const NGINX_VERSION: VersionRule = {
  args: ['-v'],
  pattern: /version: \S+?\/(?<version>\d+\.\d+\.\d+)/,
  since: [1, 22],
  title: 'nginx 1.22 or later',
  remedy: REMEDY,
}

/**
 * Has nginx read its files as it would when it starts, and say them all. It tries to bind what it does not have yet; that something is bound already
 * is no fault to it.
 */
export function dumpFiles(binary: string, mainFile: string, signal: AbortSignal): Promise<Outcome> {
  return runProgram(binary, ['-T', '-q', '-e', 'stderr', '-c', mainFile], REMEDY, signal)
}
