/**
 * What fails beside real programs is run once more, by file: on a machine that others load too, one of 3,000 tests may meet a moment that is not its
 * subject. What fails twice has failed. What passes then is told by name as unsteady, because it is a wrong test or a rare defect and wants mending; more than
 * a few of them are no accident, and are not run again.
 */
import type { TestRecord } from './counts-reporter.ts'
import type { Stage, StageResult } from './stages.ts'

/** Files of one stage. */
const MOST_AGAIN = 3

export interface SteadiedResult extends StageResult {
  /** The records of what failed at first and passed then. */
  readonly unsteady: readonly TestRecord[]
}

/** `tell` is given a line before a file is run again. */
export async function steady(
  stage: Stage,
  env: NodeJS.ProcessEnv,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<SteadiedResult> {
  const first = await stage.run(env, signal)
  const failed = first.records.filter(({ outcome }) => outcome === 'failed')
  const files = [...new Set(failed.map(({ file }) => file))]
  if (stage.again === undefined || files.length === 0 || files.length > MOST_AGAIN) return { ...first, unsteady: [] }
  tell(`== ${stage.name}: once more ${files.join(' ')}`)
  const second = await stage.again(files, env, signal)
  if (second.exitCode !== 0) return { ...first, unsteady: [] }
  const kept = first.records.filter(({ file }) => !files.includes(file))
  return { records: [...kept, ...second.records], exitCode: 0, unsteady: failed }
}
