import { FairwayError } from '../../../model/problems.ts'
import { runProgram } from '../common/run-program.ts'

const REMEDY = 'Install a Caddy with the layer4 app (github.com/mholt/caddy-l4), or name its program'

/** The version that the program says it is: `2.11.4`. */
export async function readVersion(binary: string, signal: AbortSignal): Promise<string> {
  const { output } = await runProgram(binary, ['version'], REMEDY, signal)
  const version = /^v?(?<version>\d+\.\d+\.\d+\S*)/.exec(output)?.groups?.['version']
  if (version !== undefined) return version
  const message = `${binary} is no Caddy: ${output.split('\n')[0]}`
  throw new FairwayError({ code: 'Unsupported', kind: 'unsupported', message, remedy: REMEDY })
}
