import { FairwayError } from '../../../model/problems.ts'
import { type Outcome, runProgram } from '../common/run-program.ts'

const REMEDY = 'Install HAProxy 2.6 or later, or name its program'

/** The version that the program says it is: `2.6.12`. */
export async function readVersion(binary: string, signal: AbortSignal): Promise<string> {
  const { output } = await runProgram(binary, ['-v'], REMEDY, signal)
  const version = /version (?<version>\d+\.\d+(?:\.\d+|-dev\d+)?)/.exec(output)?.groups?.['version']
  const [major = 0, minor = 0] = (version ?? '').split('.').map((part) => Number.parseInt(part, 10))
  if (version !== undefined && (major > 2 || (major === 2 && minor >= 6))) return version
  throw new FairwayError({
    code: 'Unsupported',
    kind: 'unsupported',
    message: `${binary} is no HAProxy 2.6 or later: ${output.split('\n')[0]}`,
    remedy: REMEDY,
  })
}

/** Has HAProxy read files as it would when it starts. It binds nothing: addresses are not looked at. */
export function checkFiles(binary: string, files: readonly string[], signal: AbortSignal): Promise<Outcome> {
  return runProgram(binary, ['-c', ...files.flatMap((file) => ['-f', file])], REMEDY, signal)
}
