import { errorText } from '../model/problems.ts'
import type { Log } from './log.ts'

/** What keeps the tables from being served, in the log: once when it begins or changes and once when it is over, however often it is met. */
export interface Grievance {
  /** Says why a pass failed that nobody asked for. */
  tell(error: unknown): void
  /** Says why a write failed, where that is something else. */
  tellOnce(error: unknown): void
  end(): void
}

export function createGrievance(log: Log): Grievance {
  let told: string | undefined
  const say = (error: unknown) => log.error({ err: error }, `a change was not made: ${errorText(error)}`)
  return {
    tell: (error) => {
      if (told !== errorText(error)) say(error)
      told = errorText(error)
    },
    tellOnce: (error) => {
      if (told !== errorText(error)) say(error)
    },
    end: () => {
      if (told !== undefined) log.info({}, 'the tables are served again')
      told = undefined
    },
  }
}
