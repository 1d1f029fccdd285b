import { FairwayError } from '../../../model/problems.ts'
import { runProgram } from '../common/run-program.ts'

const REMEDY = 'Install Envoy 1.36 or later, or name its program'

/** The version that the program says it is: `1.40.0`. */
export async function readVersion(binary: string, signal: AbortSignal): Promise<string> {
  const { output } = await runProgram(binary, ['--version'], REMEDY, signal)
  const version = /version: [0-9a-f]+\/(?<version>\d+\.\d+\.\d+)/.exec(output)?.groups?.['version']
  const [major = 0, minor = 0] = (version ?? '').split('.').map((part) => Number.parseInt(part, 10))
  if (version !== undefined && (major > 1 || (major === 1 && minor >= 36))) return version
  throw new FairwayError({
    code: 'Unsupported',
    kind: 'unsupported',
    message: `${binary} is no Envoy 1.36 or later: ${output.trim().split('\n')[0]}`,
    remedy: REMEDY,
  })
}
