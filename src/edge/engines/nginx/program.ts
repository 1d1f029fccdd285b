import { FairwayError } from '../../../model/problems.ts'
import { type Outcome, runProgram } from '../common/run-program.ts'
import { isSince } from './capabilities.ts'

const REMEDY = 'Install nginx 1.22 or later with its stream module (libnginx-mod-stream), or name its program'

/** The version that the program says it is: `1.22.1`. */
export async function readVersion(binary: string, signal: AbortSignal): Promise<string> {
  const { output } = await runProgram(binary, ['-v'], REMEDY, signal)
  const version = /version: \S+?\/(?<version>\d+\.\d+\.\d+)/.exec(output)?.groups?.['version']
  if (version !== undefined && isSince(version, [1, 22, 0])) return version
  throw new FairwayError({
    code: 'Unsupported',
    kind: 'unsupported',
    message: `${binary} is no nginx 1.22 or later: ${output.split('\n')[0]}`,
    remedy: REMEDY,
  })
}

/**
 * Has nginx read its files as it would when it starts, and say them all. It tries to bind what it does not have yet; that something is bound already
 * is no fault to it.
 */
export function dumpFiles(binary: string, mainFile: string, signal: AbortSignal): Promise<Outcome> {
  return runProgram(binary, ['-T', '-q', '-e', 'stderr', '-c', mainFile], REMEDY, signal)
}
