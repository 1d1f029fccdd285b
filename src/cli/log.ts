import { type Logger, pino } from 'pino'
import { errorText, FairwayError } from '../model/problems.ts'

/** One JSON line an event on standard output. Problems of ours say all there is to say; anything else is a defect and keeps its stack. */
export function createLog(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: describeError },
  })
}

function describeError(error: unknown): object {
  if (error instanceof FairwayError) {
    const { code, message, remedy } = error.problem
    return { code, message, remedy, ...(error.cause === undefined ? {} : { cause: errorText(error.cause) }) }
  }
  return error instanceof Error ? pino.stdSerializers.err(error) : { message: errorText(error) }
}
