import { type DestinationStream, type Logger, pino } from 'pino'
import { errorText, FairwayError } from '../model/problems.ts'
import { hideSecrets } from '../model/secrets.ts'
import { currentPass } from '../operator/pass-mark.ts'

/**
 * One JSON line an event, on standard output unless `to` says otherwise. Lines of one pass have the same `pass`, whoever writes them. Problems of ours say all
 * there is to say; anything else is a defect and keeps its stack. Tokens and passwords are left out, whoever quotes them.
 */
export function createLog(level: string, to?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
    mixin: () => ({ ...currentPass() }),
    hooks: { streamWrite: hideSecrets },
  }
  return to === undefined ? pino(options) : pino(options, to)
}

function describeError(error: unknown): object {
  if (error instanceof FairwayError) {
    const { code, message, remedy } = error.problem
    return { code, message, remedy, ...(error.cause === undefined ? {} : { cause: errorText(error.cause) }) }
  }
  return error instanceof Error ? pino.stdSerializers.err(error) : { message: errorText(error) }
}
