import { execFile } from 'node:child_process'
import { errorText, FairwayError } from '../../../model/problems.ts'

/** A configuration of thousands of frontends takes a second or two. */
const PROGRAM_TAKES_AT_MOST_MS = 30_000

interface Outcome {
  readonly ok: boolean
  readonly output: string
}

/** The version that the program says it is: `2.6.12`. */
export async function readVersion(binary: string, signal: AbortSignal): Promise<string> {
  const { output } = await run(binary, ['-v'], signal)
  const version = /version (?<version>\d+\.\d+(?:\.\d+|-dev\d+)?)/.exec(output)?.groups?.['version']
  const [major = 0, minor = 0] = (version ?? '').split('.').map((part) => Number.parseInt(part, 10))
  if (version !== undefined && (major > 2 || (major === 2 && minor >= 6))) return version
  throw new FairwayError({
    code: 'Unsupported',
    kind: 'unsupported',
    message: `${binary} is no HAProxy 2.6 or later: ${output.split('\n')[0]}`,
    remedy: 'Install HAProxy 2.6 or later, or name its program',
  })
}

/** Has HAProxy read files as it would when it starts. It binds nothing: addresses are not looked at. */
export function checkFiles(binary: string, files: readonly string[], signal: AbortSignal): Promise<Outcome> {
  return run(binary, ['-c', ...files.flatMap((file) => ['-f', file])], signal)
}

function run(binary: string, args: readonly string[], signal: AbortSignal): Promise<Outcome> {
  const limits = { signal, timeout: PROGRAM_TAKES_AT_MOST_MS, maxBuffer: 64 * 1024 * 1024 }
  return new Promise((resolve, reject) => {
    execFile(binary, args, limits, (error, stdout, stderr) => {
      if (error === null) resolve({ ok: true, output: stdout + stderr })
      else if (typeof error.code === 'number') resolve({ ok: false, output: stdout + stderr })
      else reject(signal.aborted ? signal.reason : new FairwayError(startFailed(binary, error), error))
    })
  })
}

function startFailed(binary: string, error: Error) {
  const message = `${binary} cannot be run: ${errorText(error)}`
  const remedy = 'Install HAProxy 2.6 or later, or name its program'
  return { code: 'ConfigInvalid', kind: 'terminal', message, remedy } as const
}
