import { execFile } from 'node:child_process'
import { errorText, FairwayError } from '../../../model/problems.ts'

/** A configuration of thousands of frontends takes a second or two. */
const PROGRAM_TAKES_AT_MOST_MS = 30_000

export interface Outcome {
  readonly ok: boolean
  readonly output: string
}

/** Runs a proxy program for what it says of itself or of files. `remedy` is for a program that cannot be run: ConfigInvalid. */
export function runProgram(
  binary: string,
  args: readonly string[],
  remedy: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const limits = { signal, timeout: PROGRAM_TAKES_AT_MOST_MS, maxBuffer: 64 * 1024 * 1024 }
  return new Promise((resolve, reject) => {
    execFile(binary, args, limits, (error, stdout, stderr) => {
      if (error === null) resolve({ ok: true, output: stdout + stderr })
      else if (typeof error.code === 'number') resolve({ ok: false, output: stdout + stderr })
      else reject(signal.aborted ? signal.reason : new FairwayError(startFailed(binary, error, remedy), error))
    })
  })
}

function startFailed(binary: string, error: Error, remedy: string) {
  const message = `${binary} cannot be run: ${errorText(error)}`
  return { code: 'ConfigInvalid', kind: 'terminal', message, remedy } as const
}
